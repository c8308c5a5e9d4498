import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from longtake.annotate.editors import Editors
from workbench import Server, Tab, write_video


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine; install the package chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def clip(rendered: Callable[..., tuple[list[np.ndarray], list[np.ndarray]]], tmp_path: Path) -> Path:
    """A video of twelve frames, six a second."""
    return write_video(tmp_path / "walk.mp4", rendered(12)[0], 6)


@pytest.fixture
def server(tmp_path: Path, tiny_model: Path) -> Iterator[Server]:
    """An empty project, served, whose model sees little."""
    served = Server(tmp_path / "project", Editors(weights=tiny_model))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def tabs(browser: Browser, server: Server) -> Iterator[Callable[..., Tab]]:
    """Opens pages of the server; what the browser complains of fails the test, unless `provoked` says it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    opened: list[Tab] = []

    def tab(provoked: str = "(?!)") -> Tab:
        opened.append(Tab(context, server, provoked))
        return opened[-1].open()

    yield tab
    context.close()
    assert [said for each in opened for said in each.complaints if not re.search(each.provoked, said)] == []


@pytest.fixture
def page(tabs: Callable[..., Tab], server: Server, clip: Path) -> Tab:
    """A video, open."""
    server.project.add(clip)
    return tabs()
