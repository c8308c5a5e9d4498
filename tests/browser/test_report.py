"""The page of an evaluation, in a browser."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import datasets
from longtake.evaluation.evaluate import evaluate
from longtake.evaluation.report.page import write_page

TRUTH = {f"clip-{i}": datasets.clip(8, (1, 2)) for i in range(3)}


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    """Two runs on three videos, open; anything the browser complains of fails the test."""
    root = datasets.davis(tmp_path / "data", TRUTH)
    runs = {
        f"by <{by}>": datasets.folders(
            tmp_path / f"r{by}", {k: datasets.shifted(v, by + i) for i, (k, v) in enumerate(TRUTH.items())}
        )
        for by in (1, 2)
    }
    write_page(tmp_path / "report.html", evaluate(root, runs, "davis2017"), {"frames per second": "4.20"})
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("request", lambda request: request.url.startswith("http") and complaints.append(request.url))
    opened.goto((tmp_path / "report.html").as_uri())
    assert complaints == []
    return opened


def test_everything_is_on_the_page(page: Page, tmp_path: Path) -> None:
    assert page.locator("h1").inner_text() == "by <1> on davis2017"
    assert page.locator(".card").first.inner_text().startswith("J&F")
    assert page.get_by_text("frames per second").count() == 1
    assert page.locator("#objects tbody tr").count() == 6
    assert page.locator("#objects .spark polyline").count() == 12
    assert page.locator("#curve polyline").count() == 2
    assert page.locator("figure img").count() == 12
    sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert set(sizes) == {320}
    shot = page.screenshot(full_page=True, path=tmp_path / "report.png")
    assert len(shot) > 20_000


def test_columns_sort(page: Page) -> None:
    def column() -> list[float]:
        return [float(cell) for cell in page.locator("#objects tbody tr td:nth-child(4)").all_inner_texts()]

    button = page.locator("#objects th button", has_text="J&F").first
    button.click()
    assert column() == sorted(column())
    button.click()
    assert column() == sorted(column(), reverse=True)


def test_nothing_is_wider_than_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_curve_rises(page: Page) -> None:
    points = page.locator("#curve polyline").first.get_attribute("points")
    assert points is not None
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 201 and not (np.diff(heights) > 1e-9).any()
