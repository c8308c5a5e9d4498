"""One long thing at a time."""

import threading
from collections.abc import Callable

import pytest

from longtake.annotate.jobs import Job, Jobs, Progress
from longtake.errors import SettingError


@pytest.fixture
def told() -> list[Job]:
    return []


@pytest.fixture
def jobs(told: list[Job]) -> Jobs:
    return Jobs(told.append)


def finished(jobs: Jobs) -> Job:
    assert jobs._thread is not None
    jobs._thread.join()
    assert jobs.now is not None
    return jobs.now


def test_it_runs_elsewhere_and_tells_how_far_it_is(jobs: Jobs, told: list[Job]) -> None:
    here = list[bool]()

    def work(progress: Progress) -> str:
        here.append(jobs.here)
        for done in range(1, 5):
            progress(done, 4)
        return "all of it"

    began = jobs.start(3, "count", work)
    assert (began.job, began.video, began.name, began.state) == (1, 3, "count", "running")
    job = finished(jobs)
    assert (job.done, job.total, job.state, job.message, job.seconds_left) == (4, 4, "done", "all of it", 0.0)
    assert told[-1] == job
    assert (here, jobs.here, jobs.runs) == ([True], False, False)
    assert jobs.start(3, "again", work).job == 2
    finished(jobs)


def test_one_at_a_time_until_it_is_stopped(jobs: Jobs) -> None:
    began = threading.Event()

    def work(progress: Progress) -> str:
        while True:
            progress(1, 0)
            began.set()

    jobs.start(1, "for ever", work)
    began.wait()
    with pytest.raises(SettingError, match="for ever is still going on"):
        jobs.start(1, "another", work)
    jobs.stop(wait=True)
    assert jobs.now is not None
    assert (jobs.now.state, jobs.now.seconds_left) == ("stopped", None)
    jobs.start(1, "another", lambda progress: None)
    assert finished(jobs).state == "done"


@pytest.mark.parametrize(
    ("error", "words"),
    [(SettingError("no\nsuch model"), "no such model"), (ValueError("odd"), "a flaw in longtake (ValueError('odd'))")],
)
def test_what_goes_wrong_is_told_in_a_line(jobs: Jobs, error: Exception, words: str) -> None:
    def work(progress: Progress) -> str:
        raise error

    jobs.start(1, "fail", work)
    job = finished(jobs)
    assert job.state == "failed"
    assert job.message is not None
    assert words in job.message


def test_news_are_not_told_at_every_frame(jobs: Jobs, told: list[Job]) -> None:
    def work(progress: Progress) -> None:
        for done in range(1000):
            progress(done, 1000)

    call: Callable[[Progress], None] = work
    jobs.start(1, "quick", call)
    finished(jobs)
    assert len(told) < 100
