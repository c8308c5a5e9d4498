"""longtake-synth as files, laid out as LVOS v2 is: frames as PNG, so that they stay bit for bit as they were made.

OUT/unseen_videos.txt
OUT/valid/JPEGImages/VIDEO/00000001.png, Annotations/VIDEO/00000001.png
OUT/valid/valid_meta.json, valid_expression_meta.json
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from longtake.data.longsynth.film import film
from longtake.data.longsynth.story import FRAMES, HEIGHT, UNSEEN, WIDTH, Story, stories
from longtake.errors import OutputError
from longtake.video.palette import write_labels
from longtake.video.sinks import make_folder, output
from longtake.video.whole import whole_folder

SPLIT = "valid"
FIRST, STEP = 1, 5
"""The number of the first frame, and from one frame to the next, as in LVOS."""


def write_longsynth(
    out: Path,
    seed: int = 1,
    frames: int = FRAMES,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    report: Callable[[int, int | None, str], None] = lambda done, count, video: None,
) -> Path:
    """Film the videos of a seed into a folder, whole or not at all. Raises SettingError and OutputError."""
    told = stories(seed, frames, *size)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: is there already; remove it, or choose another folder")
    make_folder(out.parent)
    with output(out), whole_folder(out) as partial:
        listed, done = dict[str, Any](), 0
        for story in told:
            first = dict[int, int]()
            for time, (image, ids) in enumerate(film(story)):
                number = FIRST + STEP * time
                _write_frame(partial / SPLIT, f"{story.name}/{number:08d}.png", image, ids)
                for name in np.unique(ids[ids > 0]).tolist():
                    first.setdefault(name, number)
                done += 1
                report(done, frames * len(told), story.name)
            listed[story.name] = _listed(story, first)
        for ending, keys in (("meta", ("category", "frame_range")), ("expression_meta", ("caption", "frame_range"))):
            _write_metadata(partial / SPLIT / f"{SPLIT}_{ending}.json", listed, keys)
        unseen = "".join(f"{story.name}\n" for story in told if story.scene == UNSEEN)
        (partial / "unseen_videos.txt").write_text(unseen, encoding="utf-8")
    return out


def _write_frame(split: Path, name: str, image: np.ndarray, ids: np.ndarray) -> None:
    picture, masks = split / "JPEGImages" / name, split / "Annotations" / name
    for path in (picture, masks):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(picture, compress_level=1)
    write_labels(masks, ids.astype(np.uint16))


def _listed(story: Story, first: dict[int, int]) -> dict[str, Any]:
    """A video as metadata has it. An object's frames go from its first mask to the video's end."""
    end = FIRST + STEP * story.frames
    things = {
        str(name): {
            "category": actor.body.category,
            "caption": actor.caption,
            "frame_range": {
                "start": f"{first[name]:08d}",
                "end": f"{end:08d}",
                "frame_nums": str((end - first[name]) // STEP),
            },
        }
        for name, actor in story.objects.items()
    }
    return {"attributes": list(story.attributes), "objects": things}


def _write_metadata(path: Path, listed: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Of each object the given facts; the attributes of a video beside the categories."""
    videos = {
        video: {
            **({"attributes": facts["attributes"]} if "category" in keys else {}),
            "objects": {name: {key: thing[key] for key in keys} for name, thing in facts["objects"].items()},
        }
        for video, facts in listed.items()
    }
    path.write_text(json.dumps({"videos": videos}, indent=1) + "\n", encoding="utf-8")
