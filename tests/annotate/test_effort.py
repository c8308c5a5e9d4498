"""Effort, summed by hand."""

import csv
import io
import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.annotate.effort import Event, Row, effort, effort_csv

EVENTS = [
    Event(30, 2, 2, "Ann", 10, 3),
    Event(0, 1, 2, "Ann", 12.5, 2),
    Event(0, 1, 2, "Ann", 7.5, 1),
    Event(0, None, 2, "Ann", 5),
    Event(0, 1, 2, "Bob", 1, 1),
    Event(5, 1, 4, "Ann", 24, 4),
]


def test_sums_by_hand() -> None:
    found = effort(EVENTS, {2: [0, 30, 60, 90], 4: range(5, 25, 5)}, {0, 5, 10, 300}, annotated=8)
    assert found.rows == [
        Row(0, None, 2, "Ann", 5, 0),
        Row(0, 1, 2, "Ann", 20, 3),
        Row(0, 1, 2, "Bob", 1, 1),
        Row(5, 1, 4, "Ann", 24, 4),
        Row(30, 2, 2, "Ann", 10, 3),
    ]
    assert [(s.step, s.frames, s.corrected, s.share, s.seconds, s.strokes) for s in found.steps] == [
        (1, 0, 0, None, 0, 0),
        (2, 4, 1, 0.25, 36, 7),
        (3, 0, 0, None, 0, 0),
        (4, 4, 2, 0.5, 24, 4),
    ]
    assert (found.minutes, found.minutes_per_500_frames) == (1, 62.5)


def test_the_reply_is_the_contracts() -> None:
    reply = json.loads(json.dumps(asdict(effort([], {}, (), 0))))
    assert reply == {
        "rows": [],
        "steps": [
            {"step": n, "frames": 0, "corrected": 0, "share": None, "seconds": 0, "strokes": 0} for n in (1, 2, 3, 4)
        ],
        "minutes": 0,
        "minutes_per_500_frames": None,
        "paper": {
            "corrected": {"2": 0.30, "4": 0.40},
            "minutes_pipeline": 60,
            "minutes_by_hand": 1500,
            "frames": 500,
        },
    }


@given(
    st.lists(
        st.builds(
            Event,
            st.integers(0, 5),
            st.none() | st.integers(1, 3),
            st.integers(1, 4),
            st.sampled_from(["", "Ann", 'B "o", b\n']),
            st.integers(0, 900).map(lambda tenths: tenths / 8),
            st.integers(0, 9),
        )
    )
)
def test_nothing_is_lost_or_counted_twice(events: list[Event]) -> None:
    found = effort(events, {}, (), 1)
    assert sum(row.seconds for row in found.rows) == sum(event.seconds for event in events)
    assert sum(step.strokes for step in found.steps) == sum(event.strokes for event in events)
    assert found.minutes == pytest.approx(sum(step.seconds for step in found.steps) / 60)
    table = list(csv.DictReader(io.StringIO(effort_csv({"cup, big": found.rows}), newline="")))
    assert [
        Row(
            int(line["frame"]),
            int(line["object"]) if line["object"] else None,
            int(line["step"]),
            line["annotator"],
            float(line["seconds"]),
            int(line["strokes"]),
        )
        for line in table
    ] == found.rows
    assert {line["video"] for line in table} <= {"cup, big"}


def test_the_table() -> None:
    assert effort_csv({"cup": effort(EVENTS[:1], {}, (), 0).rows, "dog": []}) == (
        "video,frame,object,step,annotator,seconds,strokes\ncup,30,2,2,Ann,10.0,3\n"
    )
