"""Fine-tuning on videos and masks of one's own: every form trains, and what is wrong is said at once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import clip
from longtake.errors import InputError, LongtakeError, SettingError, UnfitError
from longtake.export.convert import export, open_masks
from longtake.systems.checkpoint import Card, load_checkpoint, read_card, read_weights, save_checkpoint
from longtake.training import runs
from longtake.training.bring import check
from longtake.training.folder import Job
from longtake.training.own import is_own
from longtake.training.parse import load_recipe
from longtake.video.palette import write_labels

CLIP = clip(7, (1, 2))
ANNOTATED = (0, 2, 3, 6)

Make = Callable[[Path], Path]


def frames(folder: Path, count: int = len(CLIP), size: tuple[int, int] = (64, 48)) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", size, (30 * number, 90, 120)).save(folder / f"{number:06d}.png")
    return folder


def masks(folder: Path, chosen: tuple[int, ...] = ANNOTATED, step: int = 1) -> Path:
    folder.mkdir(parents=True)
    for number in chosen:
        write_labels(folder / f"{number:06d}.png", (CLIP[number] * np.uint16(step)).astype(np.uint16))
    return folder


def movie(path: Path) -> Path:
    av = pytest.importorskip("av")
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(len(CLIP)):
            image = np.full((48, 64, 3), 30 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def exported(root: Path, kind: str, name: str) -> Path:
    """A data folder with an export of the annotated frames, the images beside it."""
    frames(root / "images")
    source = masks(root.parent / f"masks-of-{kind}")
    videos = open_masks(source)
    if kind == "cvat":  # counts frames, and does not name them
        source = masks(root.parent / "all", tuple(range(len(CLIP))))
        videos = open_masks(source)
    export(videos, kind, root / name)
    return root


def folders(root: Path) -> Path:
    for name in ("cup", "dog"):
        frames(root / "frames" / name)
        masks(root / "masks" / name)
    return root


def movies(root: Path) -> Path:
    for name in ("cup", "dog"):
        movie(root / "videos" / f"{name}.mp4")
        masks(root / "masks" / name)
    return root


def one_movie(root: Path) -> Path:
    movie(root / "clip.mp4")
    masks(root / "masks")
    return root


def flat(root: Path) -> Path:
    frames(root / "JPEGImages")
    masks(root / "masks")
    return root


FORMS: dict[str, Make] = {
    "folders": folders,
    "movies": movies,
    "one movie": one_movie,
    "a movie alone": lambda root: one_movie(root) / "clip.mp4",
    "a folder named like its movie": lambda root: masks(movie(root / "clip.mp4").parent / "clip").parent,
    "frames and masks": flat,
    "coco": lambda root: exported(root, "coco", "coco.json"),
    "coco, the file": lambda root: exported(root, "coco", "coco.json") / "coco.json",
    "ytvis": lambda root: exported(root, "ytvis", "ytvis.json"),
    "cvat": lambda root: exported(root, "cvat", "cvat.xml"),
}


@pytest.fixture
def tune(tiny_model: Path) -> Callable[..., Job]:
    def make(*data: Path, **settings: object) -> Job:
        small = {"stages.0.steps": 3, "stages.0.shapes": [{"frames": 3, "side": 32, "objects": 2}], "workers": 0}
        small |= {"start": str(tiny_model), "precision": "float32", "stages.0.sources": {"video": 1}}
        return Job(load_recipe("finetune", small | settings), data)

    return make


@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_on_its_annotated_frames(form: str, tmp_path: Path, tune: Callable[..., Job]) -> None:
    data = FORMS[form](tmp_path / "mine")
    run = runs.start(tune(data), tmp_path / "run")
    due = len(CLIP) if form == "cvat" else len(ANNOTATED)
    assert {len(video) for video in run.sources.videos} == {due}
    for number in ANNOTATED[:2]:
        index = next(i for i, (frame, _) in enumerate(run.sources.videos[0].pairs) if int(frame.stem) == number)
        assert np.array_equal(run.sources.videos[0].ids(index), CLIP[number])
        shade = run.sources.videos[0].store.rgb(run.sources.videos[0].pairs[index][0]).mean(axis=(0, 1))
        assert abs(shade[0] - 30 * number) < 12
    run.run()
    assert run.done == 3
    load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert runs.resume(tmp_path / "run").done == 3


def test_yolo_with_ids(tmp_path: Path, tune: Callable[..., Job]) -> None:
    root = exported(tmp_path / "mine", "yolo", "yolo")
    for part in (root / "yolo").iterdir():
        shutil.move(part, root / part.name)
    (root / "yolo").rmdir()
    run = runs.start(tune(root), tmp_path / "run")
    assert [len(video) for video in run.sources.videos] == [len(ANNOTATED)]
    run.run()


def test_what_segment_wrote(
    tmp_path: Path, run: Callable[..., int], tiny_model: Path, tune: Callable[..., Job]
) -> None:
    source = frames(tmp_path / "clip")
    first = masks(tmp_path / "first", (0,)) / "000000.png"
    assert run("segment", source, "--masks", first, "--out", tmp_path / "result", "--model", tiny_model) == 0
    trainer = runs.start(tune(tmp_path / "result"), tmp_path / "run")
    assert [len(video) for video in trainer.sources.videos] == [len(CLIP)]


def test_large_ids_are_renumbered(tmp_path: Path, tune: Callable[..., Job]) -> None:
    frames(tmp_path / "mine" / "frames")
    masks(tmp_path / "mine" / "masks", step=300)
    run = runs.start(tune(tmp_path / "mine"), tmp_path / "run")
    assert np.array_equal(run.sources.videos[0].ids(0), CLIP[0])


def test_the_card_carries_the_start_and_the_data(tmp_path: Path, tiny_model: Path, tune: Callable[..., Job]) -> None:
    card = read_card(tiny_model)
    start = Card(
        card.preset, card.options, "CC BY-NC 4.0", {"DAVIS": "CC BY-NC 4.0"}, "1000 steps", {"J": 0.5}, "Thin."
    )
    save_checkpoint(tiny_model, read_weights(tiny_model), start)
    data = folders(tmp_path / "mine")
    runs.start(tune(data), tmp_path / "run").run()
    found = read_card(tmp_path / "run" / "model.safetensors")
    assert found.licence == "CC BY-NC 4.0" and found.note == "Thin." and found.figures == {}
    assert found.data["DAVIS"] == "CC BY-NC 4.0" and found.data["mine"] == "licence not stated by its owner"
    assert found.training == "3 steps from stm-mobilenet-v2; before that: 1000 steps"
    runs.start(tune(data, **{"data.mine": "CC0"}), tmp_path / "other").run()
    assert read_card(tmp_path / "other" / "model.safetensors").data["mine"] == "CC0"


def test_the_bundled_model_is_the_start() -> None:
    recipe = load_recipe("finetune", {})
    assert recipe.model == "stm-mobilenet-v2" and recipe.options == {"given": 16.0}
    assert recipe.start is not None and Path(recipe.start).name == "stm-mobilenet-v2.safetensors"
    with pytest.raises(SettingError, match="recipe finetune: start: nothing: no such model or file"):
        load_recipe("finetune", {"start": "nothing"})


def test_a_run_goes_on_without_the_data_it_brought(tmp_path: Path, tune: Callable[..., Job]) -> None:
    data = folders(tmp_path / "mine")
    runs.start(tune(data), tmp_path / "run")
    shutil.rmtree(data)
    runs.resume(tmp_path / "run").run()


def test_every_problem_is_told_at_once(tmp_path: Path, tune: Callable[..., Job]) -> None:
    root = folders(tmp_path / "mine")
    write_labels(root / "masks/cup/000009.png", CLIP[0].astype(np.uint16))
    (root / "frames/cup/000002.png").write_bytes(b"broken")
    shutil.rmtree(root / "masks/dog")
    masks(root / "masks/dog", (1,))
    frames(root / "frames/big", size=(80, 60))
    masks(root / "masks/big")
    masks(root / "masks/owl")
    frames(root / "frames/void")
    masks(root / "masks/void")
    for path in (root / "masks/void").iterdir():
        write_labels(path, np.zeros((48, 64), np.uint16))
    with pytest.raises(UnfitError) as caught:
        runs.start(tune(root), tmp_path / "run")
    told = [problem.removeprefix(f"{root}: ") for problem in caught.value.problems]
    assert told[:2] == [
        "big: 4 masks of 64x48 pixels for a frame of 80x60: 000000, 000002, 000003, 000006",
        "big: no frame with masks; annotate at least 2: one is given, the others are followed",
    ]
    assert told[2].startswith("cup: 1 frame that cannot be used (not a readable") and told[2].endswith("): 000002")
    assert told[3:] == [
        "cup: 1 mask without a frame in cup: 000009",
        "dog: only 1 annotated frame; annotate at least 2: one is given, the others are followed",
        "owl: masks, but no video or folder of frames of that name beside them (there: big, cup, dog, void)",
        "void: no mask holds an object",
    ]
    assert not (tmp_path / "run" / "recipe.json").exists()
    for path in ((root / "masks/owl"), root / "masks/void", root / "masks/big", root / "masks/dog"):
        shutil.rmtree(path)
    (root / "masks/cup/000009.png").unlink()
    (root / "masks/cup/000002.png").unlink()
    assert check(root).problems == []
    runs.start(tune(root), tmp_path / "run").run()


def test_objects_without_lasting_ids_are_refused(tmp_path: Path) -> None:
    root = exported(tmp_path / "mine", "coco", "coco.json")
    text = (root / "coco.json").read_text()
    (root / "coco.json").write_text(text.replace('"track_id"', '"number"'))
    told = "4 frames with several objects but no ids that tell which is which (track_id)"
    assert told in check(root).problems[0]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda root: root / "nowhere", "no such file or folder"),
        (lambda root: archive(root / "masks.zip"), "an archive; unpack it first: unzip"),
        (lambda root: archive(root / "notes.txt"), "no training data"),
        (lambda root: archive(root / "project.sqlite").parent, "a project of annotate; export it on its page"),
        (lambda root: movie(root / "clip.mp4"), "no masks; put mask images, named like the video's frames, into"),
        (lambda root: frames(root / "frames").parent, "no masks; put mask images"),
        (lambda root: archive(root / "other.json"), "not readable as JSON"),
    ],
)
def test_a_line_says_what_is_wrong(make: Make, told: str, tmp_path: Path, tune: Callable[..., Job]) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(LongtakeError, match=told) as caught:
        runs.start(tune(make(tmp_path / "mine")), tmp_path / "run")
    assert "\n" not in str(caught.value)


def archive(path: Path) -> Path:
    path.write_text("nothing of the kind")
    return path


def test_images_of_cvat_without_ids(tmp_path: Path) -> None:
    frames(tmp_path / "images")
    shape = '<polygon label="dog" points="5,5;20,5;20,20" z_order="0"/>'
    images = "".join(
        f'<image id="{i}" name="{i:06d}.png" width="64" height="48">{shape * 2}</image>' for i in range(len(CLIP))
    )
    (tmp_path / "cvat.xml").write_text(f"<annotations><version>1.1</version>{images}</annotations>")
    assert "7 frames with several objects but no ids that tell which is which" in check(tmp_path).problems[0]


def test_several_exports(tmp_path: Path) -> None:
    root = exported(tmp_path / "mine", "coco", "coco.json")
    shutil.copy(root / "coco.json", root / "other.json")
    (root / "objects.json").write_text("{}")
    assert check(root).problems == ["several exports (coco.json, other.json); give --data the file that is meant"]


def test_one_annotated_frame_in_a_data_set(tmp_path: Path, tune: Callable[..., Job]) -> None:
    frames(tmp_path / "mine/JPEGImages/cup")
    masks(tmp_path / "mine/Annotations/cup", (3,))
    assert not is_own(tmp_path / "mine")
    with pytest.raises(InputError, match="cup: only 1 annotated frame; annotate at least 2"):
        runs.start(tune(tmp_path / "mine"), tmp_path / "run")
