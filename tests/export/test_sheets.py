"""Pictures of what was looked at: which frames they show, and how little is kept for them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from longtake.engine.session import Session
from longtake.engine.step import rules_for
from longtake.export import explain as module
from longtake.export.explain import Explainer
from longtake.export.sheets import Tile, heated, marked, sheet, small
from longtake.memory.policy import parse_policy
from longtake.systems.models import load
from longtake.systems.protocol import AnySystem
from longtake.systems.zoo import ZOO
from longtake.types import Frame

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def tiny() -> AnySystem:
    torch.manual_seed(0)
    return ZOO["stm-mobilenet-v2"].tiny().build().eval()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line that is written on a sheet."""
    lines: list[str] = []
    real = ImageDraw.ImageDraw.text

    def text(draw: ImageDraw.ImageDraw, place: tuple[int, int], words: str, *rest: object) -> None:
        lines.append(words)
        real(draw, place, words, *rest)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return lines


def follow(explainer: Explainer, session: Session, images: list[np.ndarray], ids: np.ndarray) -> list[int]:
    """How many small copies were kept after each frame; frame t begins t seconds after the first, which is at 10."""
    kept = []
    for t, image in enumerate(images):
        frame = Frame(t, f"picture {t}", Fraction(10 + t), True, image, Fraction(10))
        explainer.look(session, frame)
        session.push(frame, ids if t == 0 else None)
        kept.append(len(explainer.copies))
    return kept


def test_copies_are_kept_of_what_memory_holds_and_no_more(tiny: AnySystem, rendered: Rendered, tmp_path: Path) -> None:
    images, ids = rendered(12)
    session = Session(tiny, rules=rules_for(tiny, parse_policy("every:3:2")))
    asked = follow(Explainer(tmp_path, ["#11"]), session, images, ids[0])
    assert max(asked) <= 5  # first, two sampled, previous, and the frame itself
    session = Session(tiny)
    assert follow(Explainer(tmp_path, []), session, images, ids[0]) == [0] * 12


def test_times_count_from_the_first_frame_and_mean_the_next_one(
    tiny: AnySystem, rendered: Rendered, tmp_path: Path
) -> None:
    images, ids = rendered(6)
    explainer = Explainer(tmp_path, ["0:01.5", "4", "#5", "4.5"])
    follow(explainer, Session(tiny), images, ids[0])
    explainer.check_done()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture 2", "picture 4", "picture 5"]


def test_captions_name_the_frames_with_their_shares(rendered: Rendered, tmp_path: Path, written: list[str]) -> None:
    """Also those of an object that has left, by the bundled model."""
    images, ids = rendered(9, 90, 160)
    system = load()[0]
    session = Session(system, rules=rules_for(system, parse_policy("first")))
    follow(Explainer(tmp_path, ["#4"]), session, images[:5], ids[0])
    assert written == [
        "What was looked at for object 1 in frame picture 4",
        "frame picture 4 · object 1",
        "frame picture 0 · 100 %",
        "Object 2 was not found",
        "frame picture 4 · nothing to trace",
    ]


def test_of_many_remembered_frames_those_with_most_are_shown(
    tiny: AnySystem, rendered: Rendered, tmp_path: Path, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    images, ids = rendered(6)
    session = Session(tiny, rules=rules_for(tiny, parse_policy("all")))
    follow(Explainer(tmp_path, ["#5"]), session, images, ids[0] == 1)
    assert "(3 more remembered frames with less are left out)" in written[0]
    shown = [int(line.split()[2]) for line in written[2:]]
    assert shown == sorted(shown)
    assert len(shown) == 2


@pytest.mark.parametrize("size", [(61, 97), (1080, 1920), (1920, 1080), (2, 700)])
def test_copies_of_any_size_are_marked_and_heated(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    area, heat = np.zeros(size, bool), np.zeros(size, np.float32)
    area[1, 1] = heat[-1, -1] = 1
    copy = small(image)
    assert max(copy.shape[:2]) == 320
    red = (marked(copy, area) != copy).any(axis=2)
    assert 0 < red.sum() < red.size
    warm = heated(copy, small(heat) / small(heat).max())
    assert len(np.unique(warm.reshape(-1, 3), axis=0)) > 1


def test_a_sheet_has_room_for_long_names(written: list[str]) -> None:
    page = sheet("A title " * 50, [Tile(np.zeros((180, 320, 3), np.uint8), "frame " + "long" * 100)] * 5)
    assert isinstance(page, Image.Image)
    assert page.size == (12 + 4 * 332, 46 + 2 * 214)
    assert all("..." in line for line in written)
    assert all(line.startswith("frame long") and len(line) < 80 for line in written[1:])
    assert sheet("title", [Tile(np.zeros((320, 20, 3), np.uint8), "frame 000030 · 34 %")] * 2).size[0] > 400
