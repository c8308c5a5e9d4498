"""A page of `longtake annotate` in a browser, used as a person does: pointer and keys, in pixels of the video."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from playwright.sync_api import BrowserContext, Locator, Page, expect

from longtake.annotate.app import build
from longtake.annotate.editors import Editors
from longtake.annotate.news import News
from longtake.annotate.project import Project
from longtake.annotate.security import Guard
from longtake.annotate.serve import address_of, listen
from longtake.types import VideoInfo
from longtake.video.sinks import VideoSink

Point = tuple[float, float]


def until(true: Callable[[], Any], seconds: float = 20) -> Any:
    """Waits for what comes true; returns it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


def write_video(path: Path, images: Sequence[np.ndarray], rate: int) -> Path:
    """A file of frames."""
    with VideoSink(path, VideoInfo(path.stem, len(images), Fraction(rate), Fraction(1, rate))) as sink:
        for index, image in enumerate(images):
            sink.add(image, Fraction(index, rate))
    return path


class Server:
    """A project that is served, as the command does it; it can be stopped and started again."""

    def __init__(self, folder: Path, editors: Editors, token: str = "the-token") -> None:
        self.folder, self.editors, self.token, self.port = folder, editors, token, 0

    def start(self) -> None:
        self.project, self.news = Project(self.folder, self.editors, annotator="Ada"), News()
        listener = listen(self.port)
        self.address, self.port = address_of(listener), listener.getsockname()[1]
        guard = Guard(build(self.project, self.news), self.token, self.port, room=self.project.room)
        self.http = uvicorn.Server(
            uvicorn.Config(
                guard, http="h11", ws="none", log_config=None, log_level="error", timeout_graceful_shutdown=1
            )
        )

        def serve() -> None:
            with closing(listener):
                self.http.run(sockets=[listener])

        self.thread = threading.Thread(target=serve)
        self.thread.start()
        until(lambda: self.http.started)

    def stop(self) -> None:
        self.http.should_exit = True
        self.news.close()
        self.project.stop()
        self.thread.join()
        self.project.close()

    def ids(self, frame: int, video: int = 1) -> np.ndarray:
        """What stands on a frame."""
        desk = self.project.desk(video)
        labels = desk.annotation.labels(frame)
        return np.zeros(desk.annotation.size, int) if labels is None else labels.astype(int)


class Tab:
    """The page, open; anything that the browser complains of, and that was not `provoked`, is kept."""

    def __init__(self, context: BrowserContext, server: Server, provoked: str = "(?!)") -> None:
        self.server, self.complaints, self.provoked = server, list[str](), provoked
        self.sizes = dict[int, tuple[int, int]]()
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))

    def open(self) -> "Tab":
        self.page.goto(f"{self.server.address}/?token={self.server.token}")
        return self.settle()

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def state(self, name: str) -> Any:
        return self.page.evaluate(f"window.longtake?.state.{name}")

    def settle(self) -> "Tab":
        """Waits until a frame is there, or a welcome, and every edit is answered."""
        ready = """(() => {
            const state = window.longtake?.state;
            const empty = document.querySelector("#welcome")?.hidden === false;
            return state && state.pending === 0 && (state.loaded || empty);
        })()"""
        until(lambda: self.page.evaluate(ready))
        return self

    def heard(self, words: str | re.Pattern[str]) -> None:
        """Waits for a notice."""
        expect(self.find("notice").filter(has_text=words).first).to_be_visible()

    # --- the pointer --------------------------------------------------------------------------------------------------

    def place(self, point: Point) -> Point:
        """A point of the video in the window."""
        return self.places(point)[0]

    def places(self, *points: Point) -> list[Point]:
        """Points of the video in the window."""
        box = self.find("canvas").bounding_box()
        assert box is not None
        width, height = self.size()
        look = self.state("place()")
        scale = min(box["width"] / width, box["height"] / height) * look["zoom"]
        return [(box["x"] + (x - look["left"]) * scale, box["y"] + (y - look["top"]) * scale) for x, y in points]

    def size(self) -> tuple[int, int]:
        """Width and height of the video; asked for once, since the server may be gone later."""
        chosen = int(self.find("videos").input_value())
        if chosen not in self.sizes:
            facts = self.server.project.entry(chosen).facts
            self.sizes[chosen] = (facts.width, facts.height)
        return self.sizes[chosen]

    def drag(self, *points: Point, button: Any = "left", lift: bool = True) -> None:
        mouse, (first, *others) = self.page.mouse, self.places(*points)
        mouse.move(*first)
        mouse.down(button=button)
        for place in others:
            mouse.move(*place, steps=3)
        if lift:
            mouse.up(button=button)

    def stroke(self, *points: Point, **more: Any) -> None:
        """Drawn, and stored."""
        self.drag(*points, **more)
        self.settle()

    def click(self, *points: Point, **more: Any) -> None:
        for place in self.places(*points):
            self.page.mouse.click(*place, **more)

    # --- the keys -----------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> "Tab":
        for key in keys:
            self.page.keyboard.press(key)
        return self.settle()

    def go(self, frame: int) -> "Tab":
        self.find("frame").fill(str(frame))
        self.page.keyboard.press("Enter")
        until(lambda: self.state("frame") == frame)
        return self.settle()

    def ids(self) -> np.ndarray:
        """What the canvas shows."""
        width, height = self.size()
        script = f"""Array.from({{length: {width * height}}},
            (_, place) => longtake.state.at(place % {width}, Math.floor(place / {width})))"""
        return np.array(self.page.evaluate(script)).reshape(height, width)

    def job_done(self, seconds: float = 120) -> Any:
        """Waits until nothing runs; returns the last job."""
        jobs = self.server.project.jobs
        until(lambda: jobs.now is not None and not jobs.runs, seconds)
        expect(self.find("job")).to_be_hidden()
        self.settle()
        return jobs.now
