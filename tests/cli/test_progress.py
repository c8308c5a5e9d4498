"""What a person reads of the time while something runs."""

import time

import pytest

from longtake.cli.progress import Pace, clock, progress


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a test sets it."""
    at = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    return at


def test_a_pace_tells_what_is_gone_and_what_is_left(now: list[float]) -> None:
    pace = Pace()
    now[0] += 3
    assert str(pace) == "0:03 gone"
    pace.update(1, 50)
    assert str(pace) == "1/50  0:03 gone"
    now[0] += 20
    pace.update(2, 50)
    assert str(pace) == "2/50  0:23 gone, 16:00 left"
    now[0] += 60
    assert str(pace) == "2/50  1:23 gone, 15:00 left"
    pace.update(3, None)
    assert str(pace) == "3  1:23 gone"


def test_a_clock() -> None:
    assert [clock(seconds) for seconds in (0.4, 61, 3599.6, 7325)] == ["0:00", "1:01", "1:00:00", "2:02:05"]


def test_a_log_gets_a_line_now_and_then(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", lines=10) as update:
        for done in range(1, 5):
            now[0] += 6
            update(done, 5, f"loss {done}")
    told = ["training: 2/5  0:12 gone, 0:18 left, loss 2", "training: 4/5  0:24 gone, 0:06 left, loss 4"]
    assert capsys.readouterr().err.splitlines() == told


def test_what_is_soon_over_is_silent(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("segmenting", lines=10) as update:
        now[0] += 9
        update(5, 5, "")
    assert capsys.readouterr().err == ""
