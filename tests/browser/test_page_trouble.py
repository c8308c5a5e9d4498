"""What goes wrong is told in words, and nothing that was drawn is lost by it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from longtake.errors import OutputError
from workbench import Server, Tab, until

REFUSED = r"Failed to load resource: (net::ERR_|the server responded with a status of (403|410|507))"


@pytest.fixture
def page(tabs: Callable[..., Tab], server: Server, clip: Path) -> Tab:
    """A video, open, in which the browser may say that requests failed."""
    server.project.add(clip)
    return tabs(REFUSED)


def test_a_video_that_vanishes_and_comes_back(page: Tab, clip: Path) -> None:
    page.stroke((10, 10), (40, 10))
    clip.rename(clip.with_suffix(".away"))
    page.find("frame").fill("9")
    page.page.keyboard.press("Enter")
    expect(page.find("banner")).to_contain_text(f"{clip.name}: is gone; put it back")
    page.drag((10, 30), (40, 30))
    page.heard("is gone")
    clip.with_suffix(".away").rename(clip)
    expect(page.find("banner")).to_be_hidden()
    page.settle()
    assert page.state("frame") == 9
    page.go(0)
    assert page.ids().any()


def test_a_server_that_stops_and_comes_back(page: Tab, server: Server) -> None:
    page.stroke((10, 10), (40, 10))
    server.stop()
    expect(page.find("banner")).to_contain_text("The server is gone. Nothing is lost")
    expect(page.find("saved")).to_have_text("Not connected")
    page.drag((10, 30), (40, 30))
    page.drag((10, 50), (40, 50))
    assert page.state("pending") == 2
    server.start()
    page.settle()
    expect(page.find("banner")).to_be_hidden()
    expect(page.find("saved")).to_have_text("Saved")
    page.heard("The server is back.")
    assert server.ids(0)[[10, 30, 50], 20].tolist() == [1, 1, 1]


def test_a_server_that_comes_back_with_another_token(page: Tab, server: Server, tabs: Callable[..., Tab]) -> None:
    page.stroke((10, 10), (40, 10))
    server.stop()
    page.drag((10, 30), (40, 30))
    server.token = "another"
    server.start()
    expect(page.find("banner")).to_contain_text("The server was started anew. Open the address that it printed")
    tabs()
    page.settle()
    expect(page.find("banner")).to_be_hidden()
    assert server.ids(0)[30, 20] == 1


def test_a_full_disk(page: Tab, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    page.stroke((10, 10), (40, 10))

    def full(*_: Any, **__: Any) -> None:
        raise OutputError("project.sqlite: cannot be written (the disk is full); make room")

    with monkeypatch.context() as patch:
        patch.setattr(type(server.project.desk(1).history), "commit", full)
        page.stroke((10, 30), (40, 30))
        page.heard("the disk is full")
        until(lambda: not page.ids()[30].any())  # what is not stored is not shown
    page.settle().stroke((10, 30), (40, 30))
    assert server.ids(0)[[10, 30], 20].tolist() == [1, 1]


@pytest.mark.parametrize("path", ["/?token=wrong", "/"])
def test_a_wrong_token(browser: Browser, server: Server, path: str) -> None:
    opened = browser.new_page()
    said = opened.goto(server.address + path)
    assert said is not None and said.status == 403
    expect(opened.get_by_text("open the address that longtake printed")).to_be_visible()
    opened.close()


def test_what_is_no_video(page: Tab, tmp_path: Path) -> None:
    page.provoked += "|status of 400"
    (tmp_path / "notes.mp4").write_text("not a video")
    with page.page.expect_file_chooser() as chooser:
        page.find("command-add").click()
    chooser.value.set_files(tmp_path / "notes.mp4")
    page.heard(re.compile("notes.mp4: "))
    expect(page.find("videos").get_by_role("option")).to_have_count(1)
