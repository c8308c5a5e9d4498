"""Undo and redo without limit, and what a reload of the page leaves."""

import threading

import numpy as np
import pytest
from playwright.sync_api import expect

import longtake.annotate.jobs
from workbench import Server, Tab, until

STROKES = 100


def test_a_hundred_strokes_are_taken_back_and_done_again(page: Tab, server: Server) -> None:
    page.press("n").stroke((20, 20), (70, 40))
    first, places = server.ids(0), np.random.default_rng(0).uniform((5, 5), (90, 58), (STROKES, 2, 2))
    middle = first
    for count, (start, end) in enumerate(places.tolist()):
        page.drag(tuple(start), tuple(end), button="right" if count % 3 == 2 else "left")
        if count == STROKES // 2 - 1:
            middle = (page.settle() and server.ids(0)).copy()
    last = (page.settle() and server.ids(0)).copy()
    assert (first != middle).any() and (middle != last).any()
    np.testing.assert_array_equal(page.ids(), last)

    def back(key: str, times: int, expected: np.ndarray) -> None:
        for _ in range(times):
            page.page.keyboard.press(key)
        page.settle()
        until(lambda: page.state("loaded") and np.array_equal(page.ids(), expected))
        np.testing.assert_array_equal(server.ids(0), expected)

    revisions = server.project.desk(1).history.revision
    back("Control+z", STROKES // 2, middle)
    back("Control+z", STROKES - STROKES // 2, first)
    back("Control+y", STROKES // 2, middle)
    back("Control+Shift+z", STROKES - STROKES // 2, last)
    assert server.project.desk(1).history.revision > revisions
    page.press("Control+y")
    page.heard("There is nothing to redo.")


def test_a_reload_in_the_middle_of_a_stroke_loses_nothing_stored(page: Tab, server: Server) -> None:
    page.stroke((10, 10), (40, 10))
    page.go(3).stroke((10, 30), (40, 30))
    page.press("Enter").go(6).stroke((20, 50), (60, 50))
    page.page.wait_for_timeout(1000)  # where one is, is noted a little later
    stored = [server.ids(frame).copy() for frame in range(12)]
    page.drag((70, 20), (80, 60), lift=False)
    page.page.reload()
    page.page.mouse.up()
    page.settle()
    assert page.state("frame") == 6
    np.testing.assert_array_equal(page.ids(), stored[6])
    for frame, ids in enumerate(stored):
        np.testing.assert_array_equal(server.ids(frame), ids)
    page.go(3)
    assert page.state("accepted")
    expect(page.find("banner")).to_have_text("This frame is accepted and locked. Reopen")
    page.stroke((50, 50), (60, 60))  # refused
    page.heard("locked")
    np.testing.assert_array_equal(server.ids(3), stored[3])


@pytest.mark.parametrize("end", ["goes on", "is stopped"])
def test_a_reload_while_the_model_works(page: Tab, server: Server, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    page.stroke((20, 20), (70, 40))
    gate, tell = threading.Event(), server.project.jobs.told

    def held(job: longtake.annotate.jobs.Job) -> None:
        tell(job)
        if job.state == "running" and job.done >= 3:
            gate.wait(60)

    monkeypatch.setattr(longtake.annotate.jobs, "EVERY", 0)
    monkeypatch.setattr(server.project.jobs, "told", held)
    server.project.desk(1).set(coarse_rate=6.0)
    try:
        page.find("next").click()
        expect(page.find("job-left")).to_contain_text("3 / 11")
        page.page.reload()
        page.settle()
        expect(page.find("job")).to_contain_text("Follow, 6 a second")
        expect(page.find("job-left")).to_contain_text("3 / 11")
        page.go(8).stroke((10, 60), (20, 60))  # meanwhile
        drawn = server.ids(8).copy()
        assert (drawn == 1).any()
        if end == "is stopped":
            page.find("job-stop").click()
            until(server.project.jobs._stop.is_set)
    finally:
        gate.set()
    job = page.job_done()
    assert job.state == ("done" if end == "goes on" else "stopped")
    page.heard("frames have new masks" if end == "goes on" else "what was done by then is kept")
    np.testing.assert_array_equal(server.ids(8), drawn)
    annotation = server.project.desk(1).annotation
    masked = {frame for frame, _ in annotation.history.items("layer")}
    assert masked == set(range(12)) if end == "goes on" else {0, 1, 2, 8} <= masked < set(range(12))
