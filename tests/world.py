"""A folder that has everything the documents name, small: videos, masks, data sets, predictions, models, recipes.

`bundled` is what longtake brings with it, small.
"""

import dataclasses
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image

from datasets import clip, davis, folders, lvos, mose, shifted, youtube_vos
from documented import ROOT
from longtake.data.synthetic import Actor, render
from longtake.export.convert import export, open_masks
from longtake.systems.checkpoint import Card, save_checkpoint
from longtake.systems.zoo import preset
from longtake.types import Proposals, VideoInfo
from longtake.video.palette import write_labels
from longtake.video.proposals import write_proposals
from longtake.video.sinks import VideoSink

ACTORS = (
    Actor(1, 0.25, 5, ((196, 62, 48), (242, 187, 66)), (0.42, 0.58), (0.46, 0.6)),
    Actor(2, 0.1, 6, ((44, 110, 73), (176, 208, 120)), (0.88, 0.38), (0.84, 0.4)),
)
FRAMES, HEIGHT, WIDTH, RATE = 6, 320, 384, Fraction(1, 10)
"""A frame every ten seconds, so that times of day are in so short a video."""

VIDEOS = ("holiday", "new", "dog", "video")
STILLS = ("people", "stills/people", "COCO", "MSRA10K", "ECSSD", "VOC")

PROMPTS = "- {object: 1, box: [100, 80, 220, 300]}\n- {object: 2, frame: 2, points: [[335, 125]]}\n"
MANIFEST = "source,masks,name,start\nholiday.mp4,first.png,,\nholiday.mp4,first.png,again,0:10\n"
RECIPE = "model: stm-mobilenet-v2\nstages:\n  - {name: main, steps: 1, rate: 0.0001, sources: {video: 1.0}}\n"


def _videos(root: Path) -> None:
    """holiday.mp4 and its like, their frames, masks of the first frame and of two."""
    images, ids = zip(*render(ACTORS, FRAMES, HEIGHT, WIDTH, 3), strict=True)
    for name in VIDEOS:
        with VideoSink(root / f"{name}.mp4", VideoInfo(name, FRAMES, RATE, 1 / RATE)) as sink:
            for index, image in enumerate(images):
                sink.add(image, index / RATE)
    for folder in ("frames", "masks", "corrected", "result/labels"):
        (root / folder).mkdir(parents=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(root / f"frames/{index:06d}.png")
    for index in (0, 2):
        write_labels(root / f"masks/{index:06d}.png", ids[index].astype(np.uint16))
        write_labels(root / f"corrected/{index:06d}.png", ids[index].astype(np.uint16))
    write_labels(root / "first.png", ids[0].astype(np.uint16))
    (root / "bundled/demo/masks").mkdir(parents=True)
    shutil.copy(root / "holiday.mp4", root / "bundled/demo/clip.mp4")
    for index, labels in enumerate(ids):
        for folder in ("result/labels", "bundled/demo/masks"):
            write_labels(root / folder / f"{index:06d}.png", labels.astype(np.uint16))
        _propose(root / f"found/{index:06d}.json", np.stack([labels == 1, labels == 2]))


def _propose(path: Path, masks: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_proposals(path, Proposals(masks, np.full(len(masks), 0.9, np.float32)))


def _sets(root: Path) -> None:
    """Data sets, predictions of both kinds, photographs with masks, data of one's own."""
    clips = {"one": clip(), "two": clip(names=(1,))}
    for split in ("train", "val"):
        davis(root / "DAVIS", clips, split)
    lists = root / "DAVIS/ImageSets/2016"
    lists.mkdir()
    for split in ("train", "val", "holdout", "select"):
        (lists / f"{split}.txt").write_text("one\ntwo\n")
    for split in ("train", "valid"):
        youtube_vos(root / "YouTubeVOS", clips, split)
        lvos(root / "LVOS", {"three": clip(late={2: 2}), "four": clip()}, split, unseen=["four"])
    mose(root / "MOSE", clips)
    (root / "unseen_videos.txt").write_text("four\n")
    folders(root / "results", {name: shifted(frames) for name, frames in clips.items()})
    found = {"three": shifted(clip(late={2: 2})), "four": shifted(clip())}
    folders(root / "runs/lvos/predictions", found, step=5, first=1, digits=8)
    for name in STILLS:
        for kind in ("images", "masks"):
            (root / name / kind).mkdir(parents=True)
        for index, labels in enumerate(clip(3)):
            Image.fromarray(np.stack([labels * 60] * 3, axis=2)).save(root / name / f"images/{index}.png")
            write_labels(root / name / f"masks/{index}.png", labels.astype(np.uint16))
    for name in ("emoji", "cutouts"):
        (root / name).mkdir()
        labels = clip(1)[0]
        Image.fromarray(np.dstack([labels * 60] * 3 + [(labels > 0) * np.uint8(255)])).save(root / name / "a.png")
    for kind in ("frames", "masks"):
        (root / "mine" / kind / "cup").mkdir(parents=True)
    for path in (*root.glob("COCO/images/*"), *root.glob("DAVIS/JPEGImages/480p/*/*")):
        masks = np.stack([clip()[0] == 1])
        _propose(root / "found" / path.relative_to(root).with_suffix(".json"), masks)
    for index, labels in enumerate(clip()):
        Image.fromarray(np.stack([labels * 60] * 3, axis=2)).save(root / f"mine/frames/cup/{index:06d}.png")
        write_labels(root / f"mine/masks/cup/{index:06d}.png", labels.astype(np.uint16))


def _exchanged(root: Path) -> None:
    """Files of other programs."""
    export(open_masks(root / "result"), "coco", root / "coco.json")
    for name in ("cvat.xml", "annotations.xml"):
        export(open_masks(root / "result"), "cvat", root / name)


def _model(path: Path, name: str) -> None:
    """A checkpoint that names all its options, so that processes know them in which presets have their usual size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made: Any = preset(name)
    save_checkpoint(path, made.build().state_dict(), Card(name, dataclasses.asdict(made)))


def _models(root: Path) -> None:
    """Models that nobody ships, of random weights, and backbones."""
    torch.manual_seed(0)
    for name, made in {
        "stm": "stm-resnet50",
        "dmn": "dmn-aoa-mobilenet-v2",
        "aot": "ddmemory-mobilenet-v2",
        "pretrained": "ddmemory-mobilenet-v2",
    }.items():
        _model(root / f"{name}.safetensors", made)
    for system in ("stm", "dtmnet", "dmn-aoa", "lstnet", "ddmemory"):
        _model(root / f"runs/{system}/model.safetensors", f"{system}-mobilenet-v2")
    _model(root / "runs/mine/model.safetensors", "stm-mobilenet-v2")
    _model(root / "runs/pretrain/model.safetensors", "stm-resnet50")
    torch.save(torchvision.models.mobilenet_v2().state_dict(), root / "mobilenet_v2.pth")
    for name in ("resnet50", "resnet101"):  # what tiny systems have in their place
        torch.save(torchvision.models.resnet18().state_dict(), root / f"{name}.pth")


def make(root: Path, links: Sequence[str] = ("examples", "src")) -> Path:
    """All of it."""
    root.mkdir(parents=True)
    (root / "prompts.yaml").write_text(PROMPTS)
    (root / "videos.csv").write_text(MANIFEST)
    for name in ("my-recipe.yaml", "recipe.yaml"):
        (root / name).write_text(RECIPE)
    for name in links:
        (root / name).symlink_to(ROOT / name)
    _videos(root)
    _sets(root)
    _exchanged(root)
    _models(root)
    return root
