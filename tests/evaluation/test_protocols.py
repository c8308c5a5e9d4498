"""Which frames and objects count, and how means are taken, on small data sets in every layout."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import datasets
from longtake.data.layouts import open_dataset
from longtake.errors import InputError, LongtakeError, SettingError, UnfitError
from longtake.evaluation.evaluate import Evaluation, evaluate
from longtake.evaluation.protocols import PROTOCOLS, find_protocol
from longtake.evaluation.report.files import as_json
from longtake.evaluation.results import object_result, totals
from longtake.evaluation.scoring import Track
from longtake.evaluation.windows import first_masks_only, windows

TRUTH = {"cup": datasets.clip(6, (1, 2)), "dog": datasets.clip(8, (1,))}
NEAR = {name: datasets.shifted(frames) for name, frames in TRUTH.items()}


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., Evaluation]:
    """Evaluates clips that are written in a layout, against predictions in plain folders named alike."""

    def score(
        layout: str, protocol: str, truth: datasets.Clips, found: datasets.Clips, **options: object
    ) -> Evaluation:
        root = getattr(datasets, layout)(tmp_path / layout, truth)
        numbers = {"lvos": (5, 1, 8), "youtube_vos": (5, 0, 5)}.get(layout, (1, 0, 5))
        results = datasets.folders(tmp_path / "results", found, *numbers)
        return evaluate(root, results, find_protocol(protocol), workers=1, **options)

    return score


def test_davis_leaves_out_both_end_frames(scored: Callable[..., Evaluation]) -> None:
    (run,) = scored("davis", "davis2017", TRUTH, NEAR).runs
    assert [thing.name for thing in run.objects] == ["cup/1", "cup/2", "dog/1"]
    assert run.objects[0].track.frames == ["00001", "00002", "00003", "00004"]
    assert run.totals["J"] == pytest.approx(np.mean([thing.figures["J"] for thing in run.objects]))
    assert run.totals["J&F"] == pytest.approx((run.totals["J"] + run.totals["F"]) / 2)
    assert "V" not in run.totals


def test_davis_2016_takes_all_objects_for_one(scored: Callable[..., Evaluation]) -> None:
    swapped = {name: [np.select([f == 1, f == 2], [2, 1]).astype(np.uint8) for f in fs] for name, fs in TRUTH.items()}
    (run,) = scored("davis", "davis2016", TRUTH, swapped).runs
    assert [thing.name for thing in run.objects] == ["cup/1", "dog/1"]
    assert run.totals["J"] == run.totals["F"] == 1


def test_davis_2016_reads_0_and_255(scored: Callable[..., Evaluation]) -> None:
    white = {"dog": [frame * np.uint8(255) for frame in TRUTH["dog"]]}
    (run,) = scored("davis", "davis2016", white, {"dog": TRUTH["dog"]}).runs
    assert run.totals["J"] == 1


def test_void_beside_ids_is_background_or_counts_for_nothing(tmp_path: Path) -> None:
    frames = [frame.copy() for frame in datasets.clip(5, (1,))]
    for frame in frames:
        frame[40:44, 50:60] = 255
    filled = [np.where(frame == 255, 1, frame).astype(np.uint8) for frame in frames]
    root, results = datasets.davis(tmp_path / "d", {"a": frames}), datasets.folders(tmp_path / "r", {"a": filled})
    kept = evaluate(root, results, "davis2017").runs[0].totals["J"]
    ignored = evaluate(root, results, replace(PROTOCOLS["davis2017"], void="ignored")).runs[0].totals["J"]
    assert kept < 1 and ignored == 1


def test_only_as_published_counts_ids_that_never_were(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path / "d", {"a": datasets.clip(5, (2, 5))})
    video = open_dataset(root).videos[0]
    assert list(windows(video, find_protocol("davis2017")).frames) == [2, 5]
    published = find_protocol("davis2017", as_published=True)
    assert list(windows(video, published).frames) == [1, 2, 3, 4, 5]
    wrong = datasets.folders(tmp_path / "r", {"a": datasets.clip(5, (1, 5))})
    with pytest.raises(UnfitError, match="id 1, which a lacks"):
        evaluate(root, wrong, "davis2017")
    (run,) = evaluate(root, wrong, published).runs
    assert [thing.figures["J"] for thing in run.objects] == [0, 0, 1, 1, 1]


def test_davis_does_not_count_late_objects(scored: Callable[..., Evaluation]) -> None:
    late = {"cup": datasets.clip(6, (1, 2), late={2: 3})}
    (run,) = scored("davis", "davis2017", late, late).runs
    assert [thing.id for thing in run.objects] == [1]


def test_lvos_counts_each_object_over_its_own_range(scored: Callable[..., Evaluation], tmp_path: Path) -> None:
    late = {"cup": datasets.clip(6, (1, 2), late={2: 3}), "dog": datasets.clip(6, (1,))}
    (plain,) = scored("lvos", "lvos-plain", late, late).runs
    assert [len(thing.track.frames) for thing in plain.objects] == [6, 3, 6]
    assert plain.objects[1].track.frames[0] == "00000016"
    (newer,) = scored("lvos", "lvos-v2", late, late).runs
    assert [len(thing.track.frames) for thing in newer.objects] == [4, 1, 4]
    assert newer.totals["V"] == 0


def test_lvos_takes_means_over_seen_and_unseen(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", TRUTH, unseen=["dog", "elsewhere"])
    results = datasets.folders(tmp_path / "r", {"cup": NEAR["cup"], "dog": TRUTH["dog"]}, 5, 1, 8)
    (run,) = evaluate(root, results, "lvos-v1").runs
    assert [thing.group for thing in run.objects] == ["seen", "seen", "unseen"]
    seen = np.mean([thing.figures["J"] for thing in run.objects[:2]])
    assert run.totals["J_seen"] == pytest.approx(seen) and run.totals["J_unseen"] == 1
    assert run.totals["J"] == pytest.approx((seen + 1) / 2)
    four = [run.totals[name] for name in ("J_seen", "F_seen", "J_unseen", "F_unseen")]
    assert run.totals["J&F"] == pytest.approx(np.mean(four))


def test_lvos_asks_for_the_unseen_videos(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", TRUTH)
    (root / "unseen_videos.txt").unlink()
    with pytest.raises(SettingError, match="--unseen"):
        evaluate(root, datasets.folders(tmp_path / "r", TRUTH, 5, 1, 8), "lvos-v2")


def test_the_published_faults_of_lvos(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", {"cup": TRUTH["cup"]})
    results = datasets.folders(tmp_path / "r", {"cup": [*NEAR["cup"][:3], *TRUTH["cup"][3:]]}, 5, 1, 8)
    (right,) = evaluate(root, results, "lvos-plain").runs
    (published,) = evaluate(root, results, find_protocol("lvos-plain", as_published=True)).runs
    assert right.totals["J_decay"] != 0 == published.totals["J_decay"]
    assert right.totals["V"] == pytest.approx(np.mean([thing.figures["V"] for thing in right.objects]))
    assert published.totals["V"] == published.objects[-1].figures["V"]


def test_youtube_vos_counts_from_the_frame_after_the_first_mask(tmp_path: Path) -> None:
    late = {"cup": datasets.clip(6, (1, 4), late={4: 2})}
    root = datasets.youtube_vos(tmp_path / "d", late, categories={1: "cup", 4: "yak"})
    results = datasets.folders(tmp_path / "r", late, 5)
    (tmp_path / "unseen.txt").write_text("yak\n")
    (run,) = evaluate(root, results, "youtube-vos-proxy", unseen=tmp_path / "unseen.txt").runs
    assert [(thing.id, thing.group, len(thing.track.frames)) for thing in run.objects] == [
        (1, "seen", 5),
        (4, "unseen", 3),
    ]
    assert run.totals["J_unseen"] == 1
    ungrouped = evaluate(root, results, "youtube-vos-proxy")
    assert "J_seen" not in ungrouped.runs[0].totals and "no list of unseen" in ungrouped.notes[0]


def test_the_mean_of_four_is_what_the_papers_print() -> None:
    """STM, DTMNet and LSTNet on YouTube-VOS 2018: an object of either group with the printed J and F."""
    for (j_seen, f_seen, j_unseen, f_unseen), printed in (
        ((79.7, 84.2, 72.8, 80.9), 79.4),
        ((66.1, 68.9, 60.5, 66.8), 65.6),
        ((70.9, 66.8, 74.9, 74.8), 71.85),
    ):
        protocol = find_protocol("youtube-vos-proxy")
        groups = {"seen": (j_seen, f_seen), "unseen": (j_unseen, f_unseen)}
        objects = [
            object_result("v", i, group, Track(["0"], [j / 100], [f / 100]), protocol)
            for i, (group, (j, f)) in enumerate([*groups.items(), ("seen", groups["seen"])])
        ]
        assert 100 * totals(objects, protocol)["J&F"] == pytest.approx(printed, abs=0.051)


@pytest.mark.parametrize("layout", ["davis", "mose", "folders"])
def test_plain_layouts_give_the_same_figures(layout: str, scored: Callable[..., Evaluation]) -> None:
    (run,) = scored(layout, "davis2017", TRUTH, NEAR).runs
    for thing in run.objects:
        pairs = list(zip(TRUTH[thing.video], NEAR[thing.video], strict=True))[1:-1]
        masks = [(truth == thing.id, found == thing.id) for truth, found in pairs]
        assert thing.track.j == pytest.approx([(a & b).sum() / (a | b).sum() for a, b in masks])


def test_a_folder_of_masks_against_a_folder_of_masks(tmp_path: Path) -> None:
    truth, found = (datasets.folders(tmp_path / n, {"only": TRUTH["dog"]}) / "only" for n in "ab")
    assert evaluate(truth, found, "davis2017").runs[0].totals["J"] == 1


def test_runs_are_compared_under_the_same_draws(tmp_path: Path) -> None:
    clips = {f"v{i}": datasets.shifted(TRUTH["dog"], i) for i in range(5)}
    root = datasets.davis(tmp_path / "d", clips)
    good = datasets.folders(tmp_path / "good", {k: datasets.shifted(v, 1) for k, v in clips.items()})
    bad = datasets.folders(tmp_path / "bad", {k: datasets.shifted(v, 3) for k, v in clips.items()})
    out = evaluate(root, {"good": good, "bad": bad}, "davis2017")
    (difference,) = out.differences
    assert (difference.better, difference.worse) == (0, 5)
    assert difference.figures["J"] == pytest.approx(out.runs[1].totals["J"] - out.runs[0].totals["J"])
    low, high = difference.intervals["J"]
    assert low <= difference.figures["J"] <= high < 0
    again = evaluate(root, {"good": good, "bad": bad}, "davis2017", workers=2)
    assert again.runs[1].totals == out.runs[1].totals and again.differences == out.differences


def test_one_video_has_no_interval(scored: Callable[..., Evaluation]) -> None:
    assert not scored("davis", "davis2017", {"dog": TRUTH["dog"]}, NEAR).runs[0].intervals


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    from PIL import Image

    root = datasets.davis(tmp_path / "d", {**TRUTH, "owl": TRUTH["dog"]})
    results = datasets.folders(tmp_path / "r", TRUTH)
    (results / "cup" / "00002.png").unlink()
    Image.new("RGB", (64, 48), "red").save(results / "cup" / "00003.png")
    datasets.save(results / "cup" / "00004.png", np.full((48, 64), 9, np.uint8))
    datasets.save(results / "dog" / "00001.png", np.zeros((24, 32), np.uint8))
    broken = results / "dog" / "00002.png"
    broken.write_bytes(broken.read_bytes()[:60])
    (results / "dog" / "00003.png").write_bytes(b"")
    with pytest.raises(UnfitError) as caught:
        evaluate(root, results, "davis2017")
    problems = "\n".join(caught.value.problems)
    for words in (
        "cup: 1 frame without a prediction: 00002",
        "cup/00003.png: an image of mode RGB",
        "cup/00004.png: id 9, which cup lacks (it has 1, 2)",
        "dog/00001.png: 32x24 pixels, but its annotation has 64x48",
        "dog/00002.png: not a readable image",
        "dog/00003.png: not a readable image",
        "owl: 6 frames without a prediction: 00001, 00002, 00003, 00004, 00005, ...",
    ):
        assert words in problems
    assert len(caught.value.problems) == 7


def test_metadata_that_contradicts_its_frames(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", TRUTH)
    meta = root / "valid" / "valid_meta.json"
    content = json.loads(meta.read_text())
    content["videos"]["cup"]["objects"]["1"]["frame_range"]["end"] = "00000051"
    content["videos"]["dog"]["objects"]["1"]["frame_range"]["frame_nums"] = "7"
    content["videos"]["owl"] = content["videos"]["dog"]
    meta.write_text(json.dumps(content))
    results = datasets.folders(tmp_path / "r", TRUTH, 5, 1, 8)
    with pytest.raises(UnfitError) as caught:
        evaluate(root, results, "lvos-plain")
    problems = "\n".join(caught.value.problems)
    assert (
        "cup: the metadata gives object 1 frames 1 to 51, but 4 of them have no annotation (first: 00000031)"
        in problems
    )
    assert "owl: no annotations" in problems
    del content["videos"]["owl"], content["videos"]["cup"]
    meta.write_text(json.dumps(content))
    with pytest.raises(UnfitError, match="cup: the metadata lists no objects"):
        evaluate(root, results, "lvos-plain")


def test_youtube_metadata_that_contradicts_its_frames(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", {"cup": datasets.clip(6, (1, 4), late={4: 2})})
    meta = root / "valid" / "meta.json"
    content = json.loads(meta.read_text())
    objects = content["videos"]["cup"]["objects"]
    objects["4"]["frames"].insert(0, "00005")
    objects["9"] = {"category": "owl", "frames": ["00010"]}
    meta.write_text(json.dumps(content))
    results = datasets.folders(tmp_path / "r", {"cup": datasets.clip(6, (1, 4))}, 5)
    notes = evaluate(root, results, "youtube-vos-proxy").notes
    assert "cup: 1 object in the metadata without a mask: 9" in notes
    assert "cup: 1 object of the metadata without a mask before 00010: 4 (00005)" in notes
    objects["1"]["frames"].append("00030")
    del objects["4"]
    meta.write_text(json.dumps(content))
    with pytest.raises(UnfitError) as caught:
        evaluate(root, results, "youtube-vos-proxy")
    assert caught.value.problems == (
        "cup: 4 masks with id 4, which the metadata lacks (it has 1, 9): 00010, 00015, 00020, 00025",
        "cup: 1 frame in the metadata without an annotation: 00030",
    )


def test_objects_without_a_category_are_told_before_scoring(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", {"cup": TRUTH["cup"]})
    meta = root / "valid" / "meta.json"
    meta.write_text(meta.read_text().replace('"category": "thing", ', "", 1))
    (tmp_path / "unseen.txt").write_text("yak\n")
    with pytest.raises(InputError, match="no category of cup/1"):
        evaluate(root, tmp_path, "youtube-vos-proxy", unseen=tmp_path / "unseen.txt")


def test_a_number_of_frames_that_is_wrong_is_a_note(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", {"dog": TRUTH["dog"]})
    meta = root / "valid" / "valid_meta.json"
    meta.write_text(meta.read_text().replace('"frame_nums": "8"', '"frame_nums": 9'))
    out = evaluate(root, datasets.folders(tmp_path / "r", {"dog": TRUTH["dog"]}, 5, 1, 8), "lvos-plain")
    assert any("which are 8, and says they are 9" in note for note in out.notes)
    assert len(out.runs[0].objects[0].track.frames) == 8


def test_first_masks_alone_cannot_be_scored(tmp_path: Path) -> None:
    root = datasets.youtube_vos(tmp_path / "d", {"dog": TRUTH["dog"][:1]})
    with pytest.raises(InputError, match="first masks only"):
        evaluate(root, datasets.folders(tmp_path / "r", {"dog": TRUTH["dog"]}, 5), "youtube-vos-proxy")


def test_first_masks_of_late_objects_are_no_truth_for_others(tmp_path: Path) -> None:
    """The later masks of YouTube-VOS's valid hold new objects alone: 0 is not background there."""
    whole = datasets.clip(6, (1, 4), late={4: 2})
    root = datasets.youtube_vos(tmp_path / "d", {"cup": whole})
    masks = root / "valid/Annotations/cup"
    for path in masks.glob("*.png"):
        if path.stem not in ("00000", "00010"):
            path.unlink()
    datasets.save(masks / "00010.png", np.where(whole[2] == 4, 4, 0).astype(np.uint8))
    assert first_masks_only(open_dataset(root).videos[0])
    with pytest.raises(InputError, match="first masks only"):
        evaluate(root, datasets.folders(tmp_path / "r", {"cup": whole}, 5), "youtube-vos-proxy")


def test_a_skipped_id_that_comes_later_counts(tmp_path: Path) -> None:
    """Ids go up to the largest of the first mask: here 1 comes in frame 3, and 3 never does."""
    frames = datasets.clip(6, (1, 4), late={1: 3})
    root, results = datasets.davis(tmp_path / "d", {"a": frames}), datasets.folders(tmp_path / "r", {"a": frames})
    out = evaluate(root, results, "davis2017")
    assert [thing.id for thing in out.runs[0].objects] == [1, 4]
    assert "a: ids without any mask do not count: 2, 3" in out.notes


def test_one_rule_of_white_for_a_whole_video(tmp_path: Path) -> None:
    grey = [frame * np.uint8(255) for frame in TRUTH["dog"]]
    grey[3][40:44, 2:6] = 128
    root = datasets.davis(tmp_path / "a", {"dog": grey})
    assert evaluate(root, datasets.folders(tmp_path / "b", {"dog": grey}), "davis2016").runs[0].totals["J"] == 1
    void = [frame.copy() for frame in TRUTH["dog"]]
    for frame in void:
        frame[40:44, 2:6] = 255
    root = datasets.davis(tmp_path / "c", {"dog": void})
    for name, found in {"void": void, "plain": TRUTH["dog"]}.items():
        results = datasets.folders(tmp_path / name, {"dog": found})
        assert evaluate(root, results, "davis2016").runs[0].totals["J"] == 1
    with pytest.raises(UnfitError, match="255 alone, which is void here; score it with davis2016"):
        evaluate(tmp_path / "a", tmp_path / "b", "davis2017", split=None)


def test_the_list_of_another_year_is_told(tmp_path: Path) -> None:
    root, results = datasets.davis(tmp_path / "a", TRUTH), datasets.folders(tmp_path / "b", TRUTH)
    assert "no ImageSets/2016/val.txt, so the list of 2017 was taken" in evaluate(root, results, "davis2016").notes
    datasets.davis(tmp_path / "a", {"dog": TRUTH["dog"]}, year="2016")
    out = evaluate(root, results, "davis2016")
    assert [video.name for video in out.dataset.videos] == ["dog"] and not any("list of" in n for n in out.notes)


def test_an_object_of_the_metadata_in_no_mask_is_told(tmp_path: Path) -> None:
    root = datasets.lvos(tmp_path / "d", {"dog": TRUTH["dog"]})
    meta = root / "valid" / "valid_meta.json"
    content = json.loads(meta.read_text())
    content["videos"]["dog"]["objects"]["7"] = content["videos"]["dog"]["objects"]["1"]
    meta.write_text(json.dumps(content))
    out = evaluate(root, datasets.folders(tmp_path / "r", {"dog": TRUTH["dog"]}, 5, 1, 8), "lvos-plain")
    assert "dog: in no mask, and so right where not predicted: 7" in out.notes


def test_a_broken_first_mask_hides_nothing_else(tmp_path: Path) -> None:
    root, results = datasets.davis(tmp_path / "a", TRUTH), datasets.folders(tmp_path / "b", TRUTH)
    (root / "Annotations/480p/dog/00000.png").write_bytes(b"")
    (results / "dog/00004.png").unlink()
    with pytest.raises(UnfitError) as caught:
        evaluate(root, results, "davis2017")
    assert len(caught.value.problems) == 2
    assert "dog: 1 frame without a prediction: 00004" in caught.value.problems


def test_frames_are_matched_by_number_where_names_differ_by_zeros(tmp_path: Path) -> None:
    data = datasets.davis(tmp_path / "data", TRUTH)
    more = datasets.folders(tmp_path / "more", TRUTH, digits=6)
    found = evaluate(data, more, "davis2017")
    assert found.runs[0].totals["J&F"] == 1
    assert "predictions: frames of 2 videos matched by number: 000000 is 00000" in found.notes
    other = datasets.folders(tmp_path / "other", TRUTH, digits=6, first=1)
    with pytest.raises(UnfitError, match="frames without a prediction"):
        evaluate(data, other, "davis2017")


def test_problems_name_the_run_where_there_are_several(tmp_path: Path) -> None:
    root = datasets.davis(tmp_path / "a", TRUTH)
    runs = {name: datasets.folders(tmp_path / name, TRUTH) for name in ("good", "bad")}
    (runs["bad"] / "dog/00004.png").unlink()
    with pytest.raises(UnfitError, match="bad: dog: 1 frame without a prediction: 00004"):
        evaluate(root, runs, "davis2017")


def test_jpegs_are_no_masks(tmp_path: Path) -> None:
    from PIL import Image

    root = datasets.folders(tmp_path / "a", {"dog": TRUTH["dog"]})
    for t, labels in enumerate(TRUTH["dog"]):
        (tmp_path / "b/dog").mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels * np.uint8(255)).save(tmp_path / f"b/dog/{t:05d}.jpg")
    with pytest.raises(UnfitError, match="a JPEG, which changes ids; save masks as PNG"):
        evaluate(root, tmp_path / "b", "davis2016")


def test_a_killed_process_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from longtake.evaluation import pool

    root, results = datasets.davis(tmp_path / "a", TRUTH), datasets.folders(tmp_path / "b", TRUTH)
    monkeypatch.setattr(pool, "_alone", _killed)
    with pytest.raises(LongtakeError, match="try --workers 1"):
        evaluate(root, results, "davis2017", workers=2)


def _killed() -> None:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def test_ids_beyond_255_and_in_16_bits(tmp_path: Path) -> None:
    from PIL import Image

    frames = [labels.astype(np.uint16) * 300 for labels in TRUTH["dog"]]
    for root in ("a", "b"):
        for t, labels in enumerate(frames):
            path = tmp_path / root / "dog" / f"{t:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels).save(path)
    (run,) = evaluate(tmp_path / "a", tmp_path / "b", "davis2017").runs
    assert [thing.name for thing in run.objects] == ["dog/300"] and run.totals["J"] == 1


def test_every_protocol_states_its_rules() -> None:
    for protocol in PROTOCOLS.values():
        assert len(protocol.rules()) >= 6
        assert protocol.as_published().repeats == protocol.defects
    with pytest.raises(SettingError, match="davis2016, davis2017, lvos-plain"):
        find_protocol("davis")


def test_long_sequences_wrap_their_decay_as_published_only(tmp_path: Path) -> None:
    frames = [datasets.disc(6, 8, radius=4, size=(12, 16))] * 402
    found = [np.roll(labels, t // 60, axis=1) for t, labels in enumerate(frames)]
    root, results = datasets.folders(tmp_path / "a", {"v": frames}), datasets.folders(tmp_path / "b", {"v": found})
    (right,) = evaluate(root, results, "davis2017").runs
    (published,) = evaluate(root, results, find_protocol("davis2017", as_published=True)).runs
    assert right.totals["J_decay"] > 0.4
    j = right.objects[0].track.j
    assert published.totals["J_decay"] == pytest.approx(np.mean(j[:101]) - np.mean(j[43:144]))


def test_a_wrapped_decay_that_is_no_number_is_written_as_null(tmp_path: Path) -> None:
    """Of 300 frames, the last quarter would go from index 223 to 43."""
    clips = {name: [datasets.disc(6, 8, radius=4, size=(12, 16))] * 302 for name in "vw"}
    root, results = datasets.folders(tmp_path / "a", clips), datasets.folders(tmp_path / "b", clips)
    out = evaluate(root, {"one": results, "two": root}, find_protocol("davis2017", as_published=True))
    content = json.loads(json.dumps(as_json(out), allow_nan=False))
    assert content["global"]["J_decay"] is None and "J_decay" not in content["intervals"]
    assert content["global"]["J"] == 1 and content["intervals"]["J"] == [1, 1]
