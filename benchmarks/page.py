"""How quick the page of `longtake annotate` is, in a browser on this machine.

    python benchmarks/page.py [--video FILE] [--strokes 100] [--requests 1000]

On a clip of 1080p: strokes from the pointer's event until their paint is on the screen, and from the lifted pointer
until the server has stored them. On an hour of it (a clip's packets over and over): from the address until its first
frame is there, then what the server holds of memory over many requests for frames.
"""

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from longtake.data.synthetic import demo_clip
from longtake.types import VideoInfo
from longtake.video.sinks import VideoSink

RATE, SECONDS, HOUR = 30, 2, 3600


def clip(path: Path) -> Path:
    """A rendered clip of 1080p."""
    count = RATE * SECONDS
    with VideoSink(path, VideoInfo(path.stem, count, Fraction(RATE), Fraction(1, RATE))) as sink:
        for index, (image, _) in enumerate(demo_clip(frames=count, height=1080, width=1920)):
            sink.add(image, Fraction(index, RATE))
    return path


def repeated(video: Path, path: Path) -> Path:
    """The packets of a video, again and again, for an hour."""
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        made = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        facts = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]
        long = max(packet.pts + packet.duration for packet in packets) - min(packet.pts for packet in packets)
        for turn in range(int(HOUR / (long * stream.time_base))):
            for content, pts, dts, key in facts:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = made, stream.time_base, key
                packet.pts, packet.dts = pts + turn * long, dts + turn * long
                target.mux(packet)
    return path


@contextmanager
def served(folder: Path, video: Path) -> Iterator[tuple[str, int]]:
    """The command's address, and its process."""
    words = [sys.executable, "-m", "longtake", "annotate", str(folder), "--source", str(video), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


def resident(process: int) -> float:
    """What a process holds, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def line(name: str, times: list[float]) -> None:
    """Median, 95 % and worst."""
    median, most = np.percentile(times, (50, 95))
    print(f"{name:34} median {median:6.1f}   95 % {most:6.1f}   worst {max(times):6.1f}   of {len(times)}")


LOADED = """new Promise((resolve) => {
    const look = () => requestAnimationFrame(() => {
        const state = window.longtake?.state;
        if (state?.loaded && state.pending === 0) resolve(performance.now());
        else look();
    });
    look();
})"""


def measures(page: Page, name: str) -> list[float]:
    """What the page has measured, in milliseconds."""
    found: list[float] = page.evaluate(f"performance.getEntriesByName('{name}').map((each) => each.duration)")
    return found


def strokes(browser: Browser, address: str, count: int) -> None:
    """Random strokes, each of a few hundred pixels, with a pointer that moves 60 times a second."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.evaluate(LOADED)
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    low, high = (box["x"] + 120, box["y"] + 80), (box["x"] + box["width"] - 120, box["y"] + box["height"] - 80)
    shown, first = list[float](), list[float]()
    for points in np.random.default_rng(0).uniform(low, high, (count, 4, 2)):
        page.evaluate("performance.clearMeasures('stroke-shown')")
        page.mouse.move(*points[0])
        page.mouse.down()
        for start, end in itertools.pairwise(points):
            for share in np.linspace(0.1, 1, 10):
                page.mouse.move(*(start + share * (end - start)))
                time.sleep(1 / 60)
        page.mouse.up()
        page.evaluate(LOADED)
        found = measures(page, "stroke-shown")
        first.append(found[0])
        shown += found
    line("stroke shown, first paint [ms]", first)
    line("stroke shown, every paint [ms]", shown)
    line("stroke stored [ms]", measures(page, "stroke-stored"))
    page.close()


def hour(browser: Browser, address: str, process: int, requests: int) -> None:
    """The page of a long video, and many of its frames: ten in a row from anywhere, as people step through it."""
    began = time.monotonic()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.evaluate(LOADED)
    print(f"an hour of 1080p: {time.monotonic() - began:.2f} s from the address until its first frame is there")
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
    place = page.url  # below the path that the server made up
    frames, times = int(page.get_by_test_id("frame").get_attribute("max") or 0), list[float]()
    page.close()
    held = [resident(process)]
    places = np.random.default_rng(0).integers(0, frames - 10, -(-requests // 10))
    for count, frame in enumerate((places[:, None] + np.arange(10)).ravel().tolist(), 1):
        path = f"{place}api/videos/1/frames/{frame}/image?height=720"
        started = time.monotonic()
        urllib.request.urlopen(urllib.request.Request(path, headers={"Cookie": cookie})).read()
        times.append(1000 * (time.monotonic() - started))
        if count % max(1, requests // 10) == 0:
            held.append(resident(process))
    line("frame anywhere in it [ms]", times[::10])
    line("frame after it [ms]", [each for at, each in enumerate(times) if at % 10])
    print(f"server's memory over {requests} of them [MB]: " + " ".join(f"{each:.0f}" for each in held))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="instead of a rendered clip")
    parser.add_argument("--strokes", type=int, default=100)
    parser.add_argument("--requests", type=int, default=1000, help="a multiple of 10")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        video = wish.video or clip(folder / "clip.mp4")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(folder / "short", video) as (address, _):
            strokes(browser, address, wish.strokes)
        long = repeated(video, folder / "hour.mp4")
        began = time.monotonic()
        with served(folder / "long", long) as (address, process):
            print(
                f"an hour of 1080p, {long.stat().st_size >> 20} MB: {time.monotonic() - began:.2f} s to add and serve"
            )
            hour(browser, address, process, wish.requests)
        browser.close()


if __name__ == "__main__":
    main()
