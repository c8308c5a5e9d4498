"""The page's ids of pixels (annotate/static/masks.js), in the browser, against NumPy, SciPy and OpenCV."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from scipy.ndimage import binary_fill_holes

HEIGHT, WIDTH = 23, 31


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page that knows the module's Labels, as `labels(ids)`."""
    folder = str(files("longtake.annotate") / "static")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{server.server_port}/icon.svg")
        opened.evaluate(
            """async ([width, height]) => {
                const { Labels } = await import("/masks.js");
                window.labels = (ids) => {
                    const made = new Labels(width, height);
                    made.ids.set(ids);
                    return made;
                };
            }""",
            [WIDTH, HEIGHT],
        )
        yield opened
        opened.close()
        server.shutdown()


def scene(seed: int) -> np.ndarray:
    """Ids 0 to 3 in patches."""
    small = np.random.default_rng(seed).integers(0, 4, (8, 8)).astype(np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(int)


def changed(page: Page, ids: np.ndarray, change: str, *values: object) -> tuple[np.ndarray, dict[str, int] | None]:
    """The ids after a change of `labels`, and the rectangle that it says it has touched."""
    script = """([ids, change, values]) => {
        const made = labels(ids);
        const touched = made[change](...values);
        return [[...made.ids], touched];
    }"""
    after, touched = page.evaluate(script, [ids.ravel().tolist(), change, list(values)])
    return np.array(after).reshape(ids.shape), touched


def bounds(mask: np.ndarray) -> dict[str, int] | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    left, top = int(columns[0]), int(rows[0])
    return {"left": left, "top": top, "width": int(columns[-1]) - left + 1, "height": int(rows[-1]) - top + 1}


def runs(mask: np.ndarray) -> list[int]:
    """Outside, inside, outside, ... in order of rows."""
    edges = np.flatnonzero(np.diff(mask.ravel().astype(int), prepend=0))
    return np.diff([0, *edges, mask.size]).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_runs_of_a_rectangle_go_out_and_come_back(page: Page, seed: int) -> None:
    ids, box = scene(seed), {"left": 4, "top": 3, "width": 20, "height": 17}
    inside = ids[3:20, 4:24] == 2
    told = page.evaluate("([ids, box]) => labels(ids).runs(box, 2)", [ids.ravel().tolist(), box])
    assert told == runs(inside)

    other = scene(seed + 10)
    expected = other.copy()
    expected[3:20, 4:24][other[3:20, 4:24] == 2] = 0
    expected[3:20, 4:24][inside] = 2
    after, touched = changed(page, other, "replace", {**box, "runs": told}, 2)
    np.testing.assert_array_equal(after, expected)
    assert touched == bounds(after != other)


def test_a_frames_runs_are_loaded(page: Page) -> None:
    ids = scene(1)
    flat = ids.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=-1))
    pairs = np.stack([flat[starts], np.diff([*starts, flat.size])], 1).ravel().tolist()
    np.testing.assert_array_equal(changed(page, np.zeros_like(ids), "load", pairs)[0], ids)
    assert not changed(page, ids, "load", None)[0].any()


@pytest.mark.parametrize("inside", [True, False])
def test_a_stroke_is_a_thick_line(page: Page, inside: bool) -> None:
    ids, start, end, wide = scene(2), np.array([-3.0, 5.0]), np.array([22.5, 30.0]), 7
    points = np.stack(np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5), -1)
    along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)[..., None]
    near = np.linalg.norm(points - start - along * (end - start), axis=-1) <= wide / 2
    expected = np.where(near, 3, ids) if inside else np.where(near & (ids == 3), 0, ids)
    after, touched = changed(page, ids, "stroke", start.tolist(), end.tolist(), wide, 3, inside)
    np.testing.assert_array_equal(after, expected)
    assert touched == bounds(after != ids)


def test_a_polygon_has_the_pixels_whose_centres_it_surrounds(page: Page) -> None:
    corners = [[-4.2, 2.1], [25.3, -3.0], [12.4, 9.6], [40.0, 20.2], [8.8, 30.0]]
    outline = np.array(corners, np.float32)
    expected = [
        [cv2.pointPolygonTest(outline, (x + 0.5, y + 0.5), False) > 0 for x in range(WIDTH)] for y in range(HEIGHT)
    ]
    after, _ = changed(page, np.zeros((HEIGHT, WIDTH), int), "polygon", corners, 9)
    np.testing.assert_array_equal(after == 9, expected)


@pytest.mark.parametrize("seed", range(4))
def test_holes_of_no_object_are_filled(page: Page, seed: int) -> None:
    ids = np.random.default_rng(seed).choice([0, 1, 2], (HEIGHT, WIDTH), p=[0.3, 0.65, 0.05])
    holes = binary_fill_holes(ids == 1) & (ids == 0)
    after, touched = changed(page, ids, "fill", 1)
    np.testing.assert_array_equal(after, np.where(holes, 1, ids))
    assert touched == bounds(holes)


def test_an_object_is_cleared_and_only_once(page: Page) -> None:
    ids = scene(3)
    after, touched = changed(page, ids, "clear", 1)
    np.testing.assert_array_equal(after, np.where(ids == 1, 0, ids))
    assert touched == bounds(ids == 1)
    assert changed(page, after, "clear", 1)[1] is None
