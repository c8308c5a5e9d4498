"""Two pages of one project."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import expect

from workbench import Server, Tab, until


@pytest.fixture
def other(page: Tab, tabs: Callable[..., Tab]) -> Tab:
    return tabs()


def test_what_is_drawn_in_one_is_seen_and_told_in_the_other(page: Tab, other: Tab, server: Server) -> None:
    page.stroke((10, 10), (60, 40))
    other.heard("Changed in another tab")
    until(lambda: np.array_equal(other.ids(), server.ids(0)))
    expect(other.find("object-1")).to_be_visible()
    page.press("Control+z")
    until(lambda: not other.ids().any())
    expect(page.find("notice").filter(has_text="another tab")).to_have_count(0)


def drawn_at_once(page: Tab, other: Tab, server: Server) -> np.ndarray:
    """What is stored of two strokes that cross, and shown by both."""
    page.drag((5, 5), (45, 60), lift=False)
    other.drag((50, 5), (6, 62), lift=False)
    page.page.mouse.up()
    other.page.mouse.up()
    for each in (page, other):
        each.settle()
    until(lambda: np.array_equal(page.ids(), server.ids(0)) and np.array_equal(other.ids(), server.ids(0)))
    return server.ids(0)


def test_strokes_drawn_at_once_are_both_there(page: Tab, other: Tab, server: Server) -> None:
    page.stroke((20, 20), (60, 20))
    expect(other.find("object-1")).to_be_visible()
    other.settle().press("n")
    stored = drawn_at_once(page, other, server)
    assert stored[20, 20:60].all() and stored[59, 44] == 1 and stored[61, 7] == 2 and stored[6, 50] == 2


def test_strokes_of_one_object_drawn_at_once_are_both_there(page: Tab, other: Tab, server: Server) -> None:
    page.stroke((20, 20), (60, 20))
    expect(other.find("object-1")).to_be_visible()
    other.find("object-1").click()
    stored = drawn_at_once(page, other, server)
    assert stored[20, 20:60].all() and stored[59, 44] == 1 and stored[61, 7] == 1 and stored[6, 50] == 1


def test_names_and_locks_are_shown_in_the_other(page: Tab, other: Tab) -> None:
    page.stroke((10, 10), (60, 40))
    page.find("object-1-name").fill("the goose")
    page.page.keyboard.press("Enter")
    expect(other.find("object-1-name")).to_have_value("the goose")
    page.press("Enter")
    expect(other.find("banner")).to_contain_text("accepted and locked")
    other.settle().stroke((50, 50), (60, 60))
    other.heard("locked")
    other.find("reopen").click()
    expect(page.go(0).find("banner")).to_be_hidden()
