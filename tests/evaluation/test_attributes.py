"""Attributes: each definition by hand, whatever is drawn, and which are people's."""

import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datasets
from longtake.data.attributes import ATTRIBUTES, in_order
from longtake.data.dataset import Video
from longtake.data.layouts import open_dataset
from longtake.data.metadata import Listed
from longtake.errors import InputError, UnfitError
from longtake.evaluation.attributes import (
    attributes_of,
    cross_temporal_confusion,
    fast_motion,
    from_masks,
    labelled,
    long_term_reappearance,
    low_resolution,
    out_of_view,
    scale_variation,
)
from longtake.evaluation.evaluate import evaluate
from longtake.evaluation.observed import Observed, Shown, observe
from longtake.evaluation.protocols import find_protocol

HEIGHT, WIDTH = 20, 100


def box(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def shown(*boxes: tuple[int, int, int, int] | None) -> Shown:
    """An object from its box in each frame."""
    thing = Shown()
    for place, own in enumerate(boxes):
        if own is not None:
            thing.add(place, box(*own))
    return thing


def test_motion_is_the_mean_way_of_the_centroid_between_neighbours() -> None:
    thing = shown((0, 0, 4, 4), (30, 0, 4, 4), (30, 10, 4, 4))
    assert (thing.path, thing.steps) == (40.0, 2) and thing.centroid == (31.5, 11.5)
    assert not fast_motion(thing)  # 20 pixels per frame, no more
    assert fast_motion(shown((0, 0, 4, 4), (30, 0, 4, 4), (30, 11, 4, 4)))
    assert not fast_motion(shown((0, 0, 4, 4), None, (90, 0, 4, 4)))  # no two frames with it are neighbours
    assert not fast_motion(shown((0, 0, 4, 4)))


def test_resolution_is_the_mean_share_of_the_box() -> None:
    assert low_resolution(shown((0, 0, 10, 19), None, (0, 0, 10, 20)))  # 190 and 200 of 2,000 pixels
    assert not low_resolution(shown((0, 0, 10, 20), (0, 0, 10, 20)))
    thing = Shown()
    thing.add(0, box(0, 0, 50, 10) & (np.add.outer(range(HEIGHT), range(WIDTH)) % 2 == 0))
    assert not low_resolution(thing)  # its box counts, not its pixels


def test_out_of_view_is_a_frame_without_it_after_its_first() -> None:
    there = (0, 0, 4, 4)
    assert out_of_view(shown(there, None, there), 3) and out_of_view(shown(there, there), 3)
    assert not out_of_view(shown(None, None, there), 3) and not out_of_view(shown(there, there), 2)


def test_scales_are_areas_of_boxes() -> None:
    assert not scale_variation(shown((0, 0, 4, 4), (0, 0, 8, 4)))  # 16 and 32
    assert scale_variation(shown((0, 0, 11, 3), (0, 0, 8, 4), (0, 0, 4, 4)))  # 33, 32 and 16


def test_reappearance_is_long_from_100_frames_on() -> None:
    there = (0, 0, 4, 4)
    assert not long_term_reappearance(shown(there, *[None] * 99, there))
    thing = shown(there, *[None] * 100, there, None, there)
    assert long_term_reappearance(thing) and thing.longest_absence == 100
    assert thing.absences == {0: 1, 6: 1}  # of a single frame, and of 100 to 199
    assert not long_term_reappearance(shown(there, *[None] * 200))


def test_confusion_is_between_objects_of_a_category_that_never_meet() -> None:
    things = {1: shown((0, 0, 4, 4)), 2: shown(None, (0, 0, 4, 4)), 3: shown((8, 0, 4, 4))}
    observed = Observed("cup", 2, 2, things, {(1, 3)})
    assert cross_temporal_confusion(observed, {1: "cup", 2: "cup", 3: "dog"})
    assert not cross_temporal_confusion(observed, {1: "cup", 2: "dog", 3: "cup"})


def test_an_attribute_of_any_object_is_the_videos(tmp_path: Path) -> None:
    frames = [datasets.disc(10, 10, 1, 4), datasets.disc(10, 50, 1, 4), datasets.disc(10, 12, 2, 20)]
    video = datasets.opened(tmp_path, {"cup": frames})
    found = from_masks(observe(video), video)
    assert found is not None and not found.given
    assert found.codes == ("FM", "LR", "OV") and found.known == ("FM", "LR", "OV", "SV", "LRA")
    named = Video("cup", {}, video.masks, {1: Listed("cup"), 2: Listed("cup")})
    found = from_masks(observe(named), named)
    assert found is not None and found.codes == ("FM", "LR", "OV", "CTC")


def test_white_is_one_object_and_first_masks_tell_nothing(tmp_path: Path) -> None:
    white = datasets.opened(tmp_path / "white", {"cup": [datasets.disc(10, 10 + t, 255) for t in range(3)]})
    assert set(observe(white).objects) == {1}
    first = datasets.opened(tmp_path / "first", {"cup": [datasets.disc(10, 10, i) for i in (1, 2)]})
    assert from_masks(observe(first), first) is None
    apart = datasets.opened(tmp_path / "apart", {"cup": datasets.clip(4, (1, 2))})
    assert set(observe(apart, find_protocol("davis2016")).objects) == {1}


def test_what_is_kept_of_an_object_does_not_grow_with_the_video() -> None:
    thing, sizes = Shown(), list[int]()
    for place in range(0, 3_000, 3):
        for t in (place, place + 1 + place % 2):
            thing.add(t, box(t % 80, t % 16, 1 + t % 20, 4))
        sizes.append(len(pickle.dumps(thing)))
    assert thing.masks == 2_000 and sizes[-1] < sizes[100] + 30


@given(
    st.lists(st.none() | st.tuples(*[st.integers(0, 60), st.integers(0, 8), st.integers(1, 40), st.integers(1, 12)]))
)
def test_an_object_is_what_lists_of_its_boxes_say(boxes: list[tuple[int, int, int, int] | None]) -> None:
    thing = shown(*boxes)
    there = [place for place, own in enumerate(boxes) if own is not None]
    own = [each for each in boxes if each is not None]
    areas = [width * height for _, _, width, height in own]
    gaps = [b - a - 1 for a, b in itertools.pairwise(there)]
    assert thing.masks == len(there) == sum(thing.sizes.values())
    assert thing.longest_absence == max(gaps, default=0)
    assert thing.absences.total() == sum(gap > 0 for gap in gaps)
    assert thing.steps == sum(gap == 0 for gap in gaps)
    assert out_of_view(thing, len(boxes)) == any(each is None for each in boxes[there[0] :]) if there else True
    assert scale_variation(thing) == any(a > 2 * b for a in areas for b in areas)
    if own:
        assert thing.box_shares == pytest.approx(sum(areas) / (HEIGHT * WIDTH))


@given(st.lists(st.sampled_from([*ATTRIBUTES, "HO", "zz", "fast motion"])))
def test_codes_come_in_the_order_of_the_table(codes: list[str]) -> None:
    found = in_order(codes)
    assert in_order(found) == found and len(set(found)) == len(found)
    known = [code for code in ATTRIBUTES if code in found]
    assert list(found) == [*known, *sorted(set(found) - set(known))]
    assert set(found) == {"FM" if code == "fast motion" else code.upper() for code in codes}


def test_lvos_metadata_gives_captions_parents_and_attributes(tmp_path: Path) -> None:
    clips = {"cup": datasets.clip(4, (1, 2)), "dog": datasets.clip(4, (1,))}
    folder = datasets.lvos(tmp_path, clips) / "valid"
    meta = json.loads((folder / "valid_meta.json").read_text())
    thing = meta["videos"]["cup"]["objects"]["1"]
    thing |= {"category": "cup", "supercategory": "ware"}
    (folder / "valid_meta.json").write_text(json.dumps(meta))
    thing["caption"] = "the grey cup"
    (folder / "valid_expression_meta.json").write_text(json.dumps(meta))
    meta["videos"] = {"dog": {**meta["videos"]["dog"], "set": "valid", "attributes": ["LRA", "BC"]}}
    (folder / "valid_meta_attribute.json").write_text(json.dumps({"sets": ["valid"], "attributes": ["BC"], **meta}))
    cup, dog = open_dataset(tmp_path, "valid").videos
    assert cup.objects[1].category == "cup" and cup.objects[1].parent == "ware"
    assert cup.objects[1].caption == "the grey cup" and cup.objects[2].caption is None
    assert cup.attributes is None and dog.attributes == ("BC", "LRA")
    found = attributes_of([cup, dog], compute=True)
    assert found["dog"].given and found["dog"].codes == ("BC", "LRA") and len(found["dog"].known) == 13
    assert not found["cup"].given


@pytest.mark.parametrize("content", [{"cup": ["sv"]}, {"videos": {"cup": {"attributes": ["scale variation"]}}}])
def test_a_file_of_ones_own_comes_first(content: object, tmp_path: Path) -> None:
    dataset = open_dataset(datasets.davis(tmp_path, {"cup": datasets.clip(3), "dog": datasets.clip(3)}))
    (tmp_path / "own.json").write_text(json.dumps(content))
    assert [video.attributes for video in labelled(dataset, tmp_path / "own.json").videos] == [("SV",), None]
    (tmp_path / "other.json").write_text(json.dumps({"cat": ["SV"]}))
    with pytest.raises(InputError, match="no attributes of any of the 2 videos here"):
        labelled(dataset, tmp_path / "other.json")
    (tmp_path / "wrong.json").write_text(json.dumps({"cup": "SV"}))
    with pytest.raises(InputError, match=r"wrong\.json: videos > cup: "):
        labelled(dataset, tmp_path / "wrong.json")
    with pytest.raises(InputError, match=r"none\.json: no such file; --attributes takes a JSON file"):
        labelled(dataset, tmp_path / "none.json")


def test_who_labels_one_video_knows_the_codes_of_the_others(tmp_path: Path) -> None:
    clips = {name: datasets.clip(3, (1,)) for name in ("cup", "dog", "cat")}
    dataset = open_dataset(datasets.davis(tmp_path, clips))
    (tmp_path / "own.json").write_text(json.dumps({"cup": ["HO"], "dog": []}))
    found = attributes_of(labelled(dataset, tmp_path / "own.json").videos, compute=True)
    assert [own.given for own in found.values()] == [True, True, False]
    assert found["dog"].codes == () and "HO" in found["dog"].known and "HO" not in found["cat"].known


def test_scores_per_attribute_are_means_over_objects(tmp_path: Path) -> None:
    clips = {"cup": datasets.clip(5, (1, 2)), "dog": datasets.clip(5, (1,)), "cat": datasets.clip(5, (3,))}
    dataset = open_dataset(datasets.davis(tmp_path / "data", clips))
    near = datasets.folders(tmp_path / "near", {name: datasets.shifted(own, 3) for name, own in clips.items()})
    (tmp_path / "own.json").write_text(json.dumps({"cup": ["LRA", "BC"], "dog": ["LRA"]}))
    (run,) = evaluate(dataset, near, "davis2017", attributes=tmp_path / "own.json").runs
    by_name = {thing.name: thing for thing in run.objects}
    assert list(run.by_attribute) == ["BC", "LRA"]
    part = run.by_attribute["LRA"]
    assert (part.videos, part.objects, set(part.figures)) == (2, 3, {"J&F", "J", "F"})
    things = [by_name[name] for name in ("cup/1", "cup/2", "dog/1")]
    assert part.figures["J"] == pytest.approx(np.mean([thing.figures["J"] for thing in things]))
    assert part.figures["J&F"] == pytest.approx(np.mean([thing.overall for thing in things]))


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    video = datasets.opened(tmp_path, {"cup": datasets.clip(4)})
    for path in list(video.masks.values())[:2]:
        path.write_bytes(b"no image")
    with pytest.raises(UnfitError) as told:
        attributes_of([video], compute=True)
    assert len(told.value.problems) == 2 and told.value.done == "described"
