"""longtake-synth: the same everywhere, and every seed keeps what the benchmark promises."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config
from PIL import Image

from longtake.data.layouts import open_dataset
from longtake.data.longsynth import FRAMES, film, stories, write_longsynth
from longtake.data.longsynth.bodies import Part
from longtake.data.longsynth.integers import ROOTS, SINES, Dice, glide, mixed, mixed_all, noise, sine
from longtake.data.longsynth.painting import Oval, Pose, placed, spread
from longtake.errors import OutputError, SettingError

SHORT, SMALL = 60, (64, 112)

CHECKSUMS = {
    1: "b51372af323772ee3efd4bb4f046658aafb9bd7442d8915d9684d2069583a533",
    2: "d9c9d8de29b3ef93d38167db5d5d53ef66cdaa8ae959f0ad3ebce30d743f9f21",
}
"""SHA-256 of all pixels and masks of short versions of a seed's videos."""

ANY_SEED = st.integers(0, 2**64)


@pytest.fixture(scope="module")
def unchecked() -> Iterator[None]:
    """Types of the many small functions are not checked, which takes longer than to film."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("seed", CHECKSUMS)
def test_a_seed_gives_the_same_pixels_and_masks_everywhere(seed: int, unchecked: None) -> None:
    digest = hashlib.sha256()
    for story in stories(seed, SHORT):
        for image, ids in film(story):
            digest.update(image.tobytes())
            digest.update(ids.tobytes())
    assert digest.hexdigest() == CHECKSUMS[seed]


@given(seed=ANY_SEED)
@settings(max_examples=25)
def test_objects_are_away_for_over_a_hundred_frames_while_their_look_alikes_are_there(
    unchecked: None, seed: int
) -> None:
    told = stories(seed)
    for story in told:
        first, second, third = story.objects.values()
        times = [{t for stay in actor.stays for t in range(stay.start, stay.end)} for actor in (first, second, third)]
        assert not times[0] & times[1]
        assert first.body.category == second.body.category != third.body.category
        assert 0 in times[0]
        (_, left), (returned, _) = ((stay.start, stay.end) for stay in first.stays[:2])
        assert returned - left > 100
        assert any(left <= stay.start and stay.end <= returned for stay in second.stays)
        assert any(min(each) >= FRAMES // 3 for each in times)
        assert {"DEF", "LR", "OV", "SV", "LRA", "CTC"} <= set(story.attributes)
    for attribute in ("BC", "FM", "OCC", "DB", "SC", "AC"):
        assert sum(attribute in story.attributes for story in told) in (1, 2)


@given(seed=ANY_SEED, scene=st.integers(0, 2))
@settings(max_examples=5)
def test_masks_show_what_the_story_promises(unchecked: None, seed: int, scene: int) -> None:
    story = stories(seed, SHORT, *SMALL)[scene]
    seen, boxes = [], []
    for image, ids in film(story):
        assert image.shape == (*SMALL, 3) and ids.shape == SMALL
        assert set(np.unique(ids)) <= {0, 1, 2, 3}
        seen.append([int((ids == name).sum()) for name in (1, 2, 3)])
        there = np.argwhere(ids == 3)
        boxes.append(int(np.prod(np.ptp(there, axis=0) + 1)) if len(there) else 0)
    sizes = np.array(seen)
    assert sizes[0, 0] > 20
    assert sizes.max(axis=0).min() > 20
    assert not ((sizes[:, 0] > 0) & (sizes[:, 1] > 0)).any()
    there = np.flatnonzero(sizes[:, 0])
    assert np.diff(there).max() > SHORT * 27 // 100
    firsts = [np.flatnonzero(sizes[:, k])[0] for k in range(3)]
    assert max(firsts) >= SHORT // 3
    assert max(boxes) > 4 * min(box for box in boxes if box)


def _hidden(story_seed: int, scene: int) -> float:
    """The largest share of an object that another body, or what stands in front, hides."""
    story, most = stories(story_seed, SHORT, *SMALL)[scene], 0.0
    whole = [ids for _, ids in film(story)]
    for name, actor in story.objects.items():
        alone = (ids == name for _, ids in film(replace(story, actors=[actor], posts=[])))
        pairs = [((ids == name).sum(), own.sum()) for ids, own in zip(whole, alone, strict=True)]
        most = max([most, *(1 - seen / own for seen, own in pairs if seen and own > 20)])
    return float(most)


def test_occlusion_is_where_the_attributes_have_it(unchecked: None) -> None:
    for story in stories(4, SHORT, *SMALL):
        scene = ["meadow", "street", "sea"].index(story.scene)
        assert (_hidden(4, scene) > 0.5) == ("OCC" in story.attributes)


def test_numbers() -> None:
    assert mixed(1234567 + 0x9E3779B97F4A7C15) == 6457827717110365317  # SplitMix64's first of the seed 1234567
    assert mixed_all(np.array([5, 2**63], np.uint64)).tolist() == [mixed(5), mixed(2**63)]
    assert [sine(angle) for angle in (0, 128, 256, 512, 768, -256)] == [0, 2896, 4096, 0, -4096, -4096]
    assert list(SINES) == [round(4096 * math.sin(2 * math.pi * k / 1024)) for k in range(1024)]
    assert (ROOTS[0], ROOTS[768], ROOTS[1024]) == (1024, 512, 0)
    assert [glide([(10, 0), (20, 256)], t) for t in (0, 10, 15, 20, 99)] == [0, 0, 128, 256, 256]
    dice = Dice(7)
    assert {dice.between(2, 4) for _ in range(50)} == {2, 3, 4}


def test_noise_closes_in_a_ring() -> None:
    cloud = noise(3, 64, 64, 16)
    assert (cloud.min(), cloud.max()) == (0, 255)
    steps = np.abs(np.diff(cloud, axis=1)).max()
    assert np.abs(cloud[:, 0] - cloud[:, -1]).max() <= 2 * steps


def test_an_upright_ellipse_covers_its_pixels() -> None:
    found = spread(Oval(8 * 256, 8 * 256, 4 * 256, 2 * 256, 0, box=False), 16, 16)
    assert found is not None
    rows = (found.coverage >= 128).sum(axis=1)
    assert rows[rows > 0].tolist() == [6, 8, 8, 6]
    assert spread(Oval(-3000, 0, 256, 256, 0, box=False), 16, 16) is None


def test_a_limb_hangs_on_its_joint_and_is_mirrored() -> None:
    arm, pose = Part(100, 0, 50, 10, reach=50), Pose(0, 0, 256)
    assert (placed(arm, pose).x, placed(arm, pose).y) == (150, 0)
    assert placed(arm, Pose(0, 0, 256, mirrored=True)).x == -150


def test_files_are_what_was_filmed(tmp_path: Path) -> None:
    out = write_longsynth(tmp_path / "synth", 9, SHORT, SMALL)
    data = open_dataset(out)
    assert data.layout == "lvos" and len(data.videos) == 3
    assert (out / "unseen_videos.txt").read_text() == "sea-9\n"
    for video, story in zip(data.videos, stories(9, SHORT, *SMALL), strict=True):
        image, ids = next(film(story))
        assert np.array_equal(np.asarray(Image.open(next(iter(video.frames.values())))), image)
        assert np.array_equal(np.asarray(Image.open(next(iter(video.masks.values())))), ids)
        assert len(video.frames) == len(video.masks) == SHORT
        assert [thing.category for thing in video.objects.values()] == [
            actor.body.category for actor in story.objects.values()
        ]
    told = json.loads((out / "valid/valid_meta.json").read_text())["videos"]
    assert told["sea-9"]["attributes"] == list(stories(9)[2].attributes)
    captions = json.loads((out / "valid/valid_expression_meta.json").read_text())["videos"]
    assert all(thing["caption"] for video in captions.values() for thing in video["objects"].values())
    with pytest.raises(OutputError, match="is there already"):
        write_longsynth(out, 9, SHORT, SMALL)


@pytest.mark.parametrize("wrong", [(-1, 420), (1, 59)])
def test_what_cannot_be_made_is_refused(wrong: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a seed is 0 or more"):
        write_longsynth(tmp_path / "synth", *wrong)
