import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.errors import SettingError
from longtake.memory.policy import (
    All,
    AtMost,
    Budget,
    Capped,
    Every,
    First,
    Held,
    Newest,
    Policy,
    Previous,
    parse_policy,
    slots_for,
)


def walk(policy: Policy, steps: int, given: frozenset[int] = frozenset({0}), size: int = 10) -> list[list[int]]:
    """The times that the memory holds after each step."""
    held: list[Held] = []
    history = []
    for time in range(steps):
        plan = policy.plan(time, "given" if time in given else "predicted", held)
        held = [entry for entry in held if (entry.time, entry.role) in plan.kept]
        if plan.writes:
            held.append(Held(time, plan.role, size))
        history.append([entry.time for entry in held])
    return history


def test_every_fifth_frame_as_published() -> None:
    history = walk(Every(5), 13)
    assert history[3] == [0, 3]
    assert history[5] == [0, 5]
    assert history[12] == [0, 5, 10, 12]


def test_every_bounded_keeps_first_and_previous() -> None:
    assert walk(Every(5, 2), 24)[-1] == [0, 15, 20, 23]


def test_corrections_outlive_predictions() -> None:
    assert walk(Every(5, 2), 31, frozenset({0, 7}))[-1] == [0, 7, 25, 30]


def test_capped_as_the_lvos_authors_did() -> None:
    """Their list, newest first: beyond six the second entry leaves."""
    stored: list[int] = []
    for time, held in enumerate(walk(Capped(5, 6), 61)):
        if time % 5 == 0:
            stored = [time, *stored]
            if len(stored) > 6:
                del stored[1]
        assert held == sorted({*stored, time})
    assert stored == [60, 20, 15, 10, 5, 0]


def test_capped_by_hand() -> None:
    history = walk(Capped(2, 3), 9)
    assert history == [[0], [0, 1], [0, 2], [0, 2, 3], [0, 2, 4], [0, 2, 4, 5], [0, 2, 6], [0, 2, 6, 7], [0, 2, 8]]


def test_what_a_person_gives_takes_places_of_a_capped_memory() -> None:
    assert walk(Capped(5, 4), 41, frozenset({0, 17}))[-1] == [0, 5, 17, 40]
    assert walk(Capped(5, 2), 41, frozenset({0, 17, 21, 33}))[-1] == [0, 21, 33, 40]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (First(), [0]),
        (Previous(), [9]),
        (First(previous=True), [0, 9]),
        (All(), list(range(10))),
        (Newest(3), [7, 8, 9]),
        (Budget(limit=30, rule=Every(3)), [0, 6, 9]),
    ],
)
def test_the_other_policies(policy: Policy, expected: list[int]) -> None:
    assert walk(policy, 10)[-1] == expected


def test_corrections_are_bounded_to_the_newest_beside_the_first() -> None:
    assert walk(First(previous=True, maximum=2), 20, frozenset({0, 3, 6, 9, 12}))[-1] == [0, 9, 12, 19]
    assert walk(First(maximum=1), 20, frozenset({0, 3, 5}))[-1] == [0, 5]


def test_frames_in_which_objects_join_are_first_ones_and_stay() -> None:
    held = [Held(0, "first", 1), Held(4, "given", 1)]
    plan = First(maximum=1).plan(6, "joined", held)
    assert plan.kept == ((0, "first"), (4, "given"), (6, "first"))
    assert First(maximum=1).plan(8, "given", [*held, Held(6, "first", 1)]).kept == (
        (0, "first"),
        (6, "first"),
        (8, "given"),
    )


def test_a_disturbed_frame_is_kept() -> None:
    assert Every(5).plan(7, "disturbed", [Held(0, "first", 1)]).role == "given"


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 80))
def test_bounded_every_is_bounded_and_holds_first_and_previous(interval: int, maximum: int, steps: int) -> None:
    for time, held in enumerate(walk(Every(interval, maximum), steps)):
        assert held[0] == 0
        assert held[-1] == time
        assert len(held) <= maximum + 2
        assert held == sorted(set(held))


@given(st.integers(1, 9), st.integers(2, 7), st.integers(1, 80), st.frozensets(st.integers(0, 79), max_size=8))
def test_capped_is_bounded_and_keeps_the_oldest_and_the_newest(
    interval: int, maximum: int, steps: int, marked: frozenset[int]
) -> None:
    for time, held in enumerate(walk(Capped(interval, maximum), steps, marked | {0})):
        later = [each for each in sorted(marked) if 0 < each <= time]
        assert held[0] == 0
        assert held[-1] == time
        assert held == sorted(set(held))
        assert set(later[-maximum:]) <= set(held)
        assert len(held) <= max(maximum, min(len(later), maximum) + 2) + 1
        if not later and maximum > 2:
            assert time < interval or interval in held


@given(st.integers(10, 200), st.integers(1, 60))
def test_a_budget_of_a_capped_memory_is_never_exceeded(limit: int, steps: int) -> None:
    assert all(len(held) * 10 <= limit for held in walk(Budget(limit, Capped(5, 6)), steps))


@given(st.integers(10, 200), st.integers(1, 60))
def test_a_budget_is_never_exceeded(limit: int, steps: int) -> None:
    assert all(len(held) * 10 <= limit for held in walk(Budget(limit), steps))


@given(st.integers(1, 6), st.integers(1, 60), st.frozensets(st.integers(0, 59), max_size=8))
def test_at_most_so_many_and_what_a_person_gave_before_predictions(
    count: int, steps: int, marked: frozenset[int]
) -> None:
    history = walk(AtMost(count, Every(3)), steps, marked | {0})
    assert all(len(held) <= count and held[0] == 0 for held in history)
    given_last = [time for time in sorted(marked) if 0 < time < steps]
    if len(given_last) >= count - 1:
        assert history[-1][1:] == given_last[len(given_last) - count + 1 :]


def test_slots_are_what_a_policy_keeps() -> None:
    assert slots_for(Every(5, 6)) == slots_for(Budget(10**9, Every(5, 6))) == 8
    assert slots_for(Capped(5, 6)) == slots_for(Budget(10**9, Capped(5, 6))) == 7
    assert slots_for(Every(5)) == slots_for(All()) == 8
    assert slots_for(First(previous=True)) == 2
    assert slots_for(Previous()) == 1
    assert slots_for(AtMost(3, All())) == slots_for(Newest(3)) == 3


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("every:5", Every(5)),
        ("every:3:8", Every(3, 8)),
        ("lvos:5:6", Capped(5, 6)),
        ("lvos:1:12", Capped(1, 12)),
        ("first", First()),
        ("previous", Previous()),
        ("first+previous", First(previous=True)),
        ("all", All()),
        ("newest:4", Newest(4)),
        ("budget:2GB", Budget(2 * 10**9, strict=True)),
        ("budget:1.5mb", Budget(1_500_000, strict=True)),
    ],
)
def test_parsing(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize("text", ["", "every", "every:0", "newest:", "budget:2TB", "fifth", "lvos:5", "lvos:5:1"])
def test_unknown_policies_are_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(SettingError, match="newest:N"):
        parse_policy(text)
