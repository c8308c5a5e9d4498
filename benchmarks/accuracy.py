"""Region similarity J and contour accuracy F of a checkpoint on a split in DAVIS layout, per sequence.

    python benchmarks/accuracy.py ../shared/data/davis2016 --split select [--model FILE] [--overlays DIR]

All objects of a mask count as one (DAVIS 2016); the first and the last frame are left out. Prints the time per frame
beside the machine's matrix-multiply rate.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.data.davis import Video, davis_videos
from longtake.data.images import read_ids
from longtake.engine.propagate import propagate
from longtake.engine.runtime import runtime
from longtake.engine.step import rules_for
from longtake.evaluation.boundary import contour_accuracy
from longtake.evaluation.region import region_similarity
from longtake.export.overlay import blend
from longtake.memory.policy import parse_policy
from longtake.systems.models import load
from longtake.types import Frame, Masks
from longtake.video.folder import FolderSource


def measure(system, video: Video, options, overlays: Path | None) -> dict[str, float]:
    """Scores and seconds per frame of one sequence."""
    source = FolderSource(video.frames[0].parent)
    truth = [read_ids(path) > 0 for path in video.masks]

    def prompts(frame: Frame) -> Masks | None:
        return Masks(truth[0].astype(np.uint16), (1,), video.name) if frame.index == 0 else None

    j, f, seconds, clock = [], [], [], time.perf_counter()
    for prediction in propagate(system, source, prompts, **options):
        seconds.append(time.perf_counter() - clock)
        index, mask = prediction.frame.index, prediction.labels > 0
        if 0 < index < len(truth) - 1:
            j.append(region_similarity(mask, truth[index]))
            f.append(contour_accuracy(mask, truth[index]))
        if overlays is not None and index % 10 == 0:
            overlays.mkdir(parents=True, exist_ok=True)
            picture = blend(prediction.frame.image, prediction.labels, prediction.ids)
            Image.fromarray(picture).save(overlays / f"{video.name}-{index:03d}.jpg")
        clock = time.perf_counter()
    return {
        "J": float(np.mean(j)),
        "F": float(np.mean(f)),
        "seconds": float(np.mean(seconds[2:])),
        "frames": len(truth),
    }


def main() -> None:
    """Measure every sequence of a split and print a line each, then the means as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="select")
    parser.add_argument("--model", default="default")
    parser.add_argument("--size", type=int, default=480)
    parser.add_argument("--memory")
    parser.add_argument("--top", type=int)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--overlays", type=Path)
    given = parser.parse_args()
    system, _ = load(given.model, settings={"top": given.top} if given.top else {})
    policy = parse_policy(given.memory) if given.memory else None
    options = {
        "rules": rules_for(system, policy),
        "short_side": given.size,
        "run": runtime("cpu", given.precision),
    }
    scores = {}
    for video in davis_videos(given.root, given.split):
        scores[video.name] = measure(system, video, options, given.overlays)
        print(video.name, json.dumps({k: round(v, 4) for k, v in scores[video.name].items()}), flush=True)
    mean = {key: round(float(np.mean([s[key] for s in scores.values()])), 4) for key in ("J", "F", "seconds")}
    print("mean", json.dumps(mean))


if __name__ == "__main__":
    main()
