"""The pictures of docs/annotate.md, made anew: python tools/page_pictures.py [FOLDER].

Starts `longtake annotate` on the bundled clip in a temporary project, drives its page in the system's Chromium through
the four steps, and saves a picture of each as FOLDER/annotate-NAME.webp (docs/pictures without FOLDER).
"""

import io
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

import longtake
from longtake.video.masks import read_masks

DEMO = Path(longtake.__file__).parent / "demo"
NAMES = {1: "red star", 2: "green star", 3: "blue arrow"}
SIZE = (1024, 640)
MOST_BYTES = 29_000
PATIENCE = 600
"""Seconds that a step may take."""


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, served(Path(scratch) / "demo") as address, browsed(address) as page:
        Tour(page, folder).all()
    print(f"{sum(path.stat().st_size for path in folder.glob('annotate-*.webp'))} bytes in all")


@contextmanager
def served(project: Path) -> Iterator[str]:
    """The address of a project of the bundled clip."""
    command = [sys.executable, "-m", "longtake", "annotate", str(project), "--source", str(DEMO / "clip.mp4")]
    command += ["--port", "0", "--annotator", "Ada"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)


@contextmanager
def browsed(address: str) -> Iterator[Page]:
    """The page, open."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        yield page
        browser.close()


class Tour:
    """A way through the page, with pictures."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder

    def all(self) -> None:
        """From the first look to the dark theme."""
        self.settle()
        self.save("first")
        for number, name in NAMES.items():
            if number > 1:
                self.find("new-object").click()
            self.box(number)
            self.find(f"object-{number}-name").fill(name)
            self.page.keyboard.press("Enter")
            if number == 2:
                self.save("box")
        self.find("next").click()
        self.until(lambda: self.progress() >= 20)
        self.save("follow")
        self.finish()
        self.doubt()
        self.box(int(self.state("object")))
        self.save("correct")
        self.accept_all("Fill in")
        self.find("next").click()
        self.finish()
        self.doubt()
        self.save("fill-in")
        self.box(int(self.state("object")))
        self.accept_all("Export")
        self.find("next").click()
        self.find("dialog-export").get_by_label("Format").select_option("lvos-dataset")
        self.find("export-start").click()
        self.until(lambda: self.find("exports").get_by_role("link").count() == 1 and self.quiet())
        self.save("export")
        self.close()
        self.dialog("effort")
        self.dialog("help", "keys")
        self.check()
        self.page.locator("[data-command=theme]").click()
        self.until(self.quiet)
        self.save("dark")

    def check(self) -> None:
        """Label two accepted frames again, and show how well both agree."""
        self.page.locator("[data-command=quality]").click()
        self.page.locator("dialog input[name=count]").fill("2")
        self.find("check-start").click()
        self.until(lambda: self.find("step-1").count() == 0)
        for done in range(2):
            self.until(lambda: not self.state("accepted"))  # it goes to the frames of the check by itself
            self.settle()
            for number in NAMES:
                if self.bounds(number) is None:
                    continue
                self.find(f"object-{number}").click(position={"x": 4, "y": 4})
                self.box(number)
            self.find("next").click()
            self.until(lambda done=done: self.find("step-2").get_attribute("data-done") == str(done + 1))
        self.dialog("quality")
        self.page.select_option("#videos", index=0)
        self.until(lambda: self.find("step-1").count() == 1)

    def accept_all(self, label: str) -> None:
        """Accept frame by frame, until the button says something that begins so."""
        while not self.find("next").inner_text().startswith(label):
            self.settle()
            if not self.state("accepted"):
                self.page.keyboard.press("Enter")
            self.page.wait_for_timeout(100)

    def dialog(self, command: str, name: str = "") -> None:
        """A picture of a dialog."""
        self.page.locator(f"[data-command={command}]").first.click()
        self.find(f"dialog-{command}").wait_for()
        self.save(name or command)
        self.close()

    def close(self) -> None:
        """Leave the dialog."""
        self.find("dialog-close").click()

    def box(self, number: int) -> None:
        """Drag a box around an object of the shown frame, where it is in truth."""
        bounds = self.bounds(number)
        assert bounds is not None, f"object {number} is not to be seen on frame {self.state('frame')}"
        left, top, right, bottom = bounds
        self.page.keyboard.press("r")
        (x0, y0), (x1, y1) = self.onscreen(left - 4, top - 4), self.onscreen(right + 4, bottom + 4)
        revision = self.state("revision")
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        self.page.mouse.move(x1, y1)
        self.page.mouse.up()
        self.until(lambda: self.state("revision") != revision)
        self.settle()

    def bounds(self, number: int) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of an object on the shown frame, in pixels of the video; None where it is not."""
        rows, columns = np.nonzero(read_masks(DEMO / "masks" / f"{self.state('frame'):06d}.png").labels == number)
        return (columns.min(), rows.min(), columns.max(), rows.max()) if len(rows) else None

    def onscreen(self, x: float, y: float) -> tuple[float, float]:
        """A point of the video, on the page; the whole frame is shown."""
        box = self.find("canvas").bounding_box()
        assert box is not None
        place = self.page.evaluate("window.longtake.state.place()")
        scale = min(box["width"] / 640, box["height"] / 360) * place["zoom"]
        return box["x"] + (x - place["left"]) * scale, box["y"] + (y - place["top"]) * scale

    def find(self, name: str) -> Locator:
        """An element by its test id."""
        return self.page.get_by_test_id(name)

    def state(self, name: str) -> int:
        """What the page knows."""
        return self.page.evaluate(f"window.longtake?.state.{name}")  # type: ignore[no-any-return]

    def quiet(self) -> bool:
        """Whether no notice is shown."""
        return self.find("notice").count() == 0

    def settle(self) -> None:
        """Wait until the frame is shown and all edits are stored."""
        self.until(lambda: bool(self.state("loaded")) and self.state("pending") == 0)

    def progress(self) -> int:
        """How many frames of what is running are done."""
        done, total, _ = self.find("job-left").inner_text().partition(" / ")
        return int(done) if total else 0

    def doubt(self) -> None:
        """Go to the frame that most asks to be looked at."""
        frame = self.state("frame")
        self.page.keyboard.press("q")
        self.until(lambda: self.state("frame") != frame)
        self.settle()

    def finish(self) -> None:
        """Wait for what is running."""
        self.until(lambda: not self.find("job").is_visible() and self.quiet())

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for it."""
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                raise TimeoutError("the page does not come so far")
            self.page.wait_for_timeout(100)

    def save(self, name: str) -> None:
        """A picture of the page, as good as its bytes allow."""
        time.sleep(0.5)  # pictures of the timeline come after the rest
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        path = self.folder / f"annotate-{name}.webp"
        for quality in range(85, 10, -5):
            shot.save(path, quality=quality, method=6)
            if path.stat().st_size <= MOST_BYTES:
                break
        print(f"{path}: {path.stat().st_size} bytes at quality {quality}", flush=True)


if __name__ == "__main__":
    main()
