"""Speed of J and F: milliseconds per object and frame, against the definition over whole frames, and two processes.

    python benchmarks/evaluator.py [ANNOTATIONS] [PREDICTIONS] [--times 20]

Masks are read before the clock starts, except for the processes, which read their own. By default the masks are the
reference masks at 480p in $LONGTAKE_SHARED.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from longtake.data.dataset import Video, masks_by_video
from longtake.data.labels import ids_in, read_labels
from longtake.data.layouts import open_dataset
from longtake.evaluation.boundary import tolerance_radius
from longtake.evaluation.pool import score_videos
from longtake.evaluation.protocols import find_protocol
from longtake.evaluation.scoring import score_frame

SHARED = Path(os.environ.get("LONGTAKE_SHARED", "../shared")) / "parity/davis"

Scores = list[tuple[float, float]]


def border(mask: np.ndarray) -> np.ndarray:
    """The boundary map as the toolkits write it."""
    line = np.zeros_like(mask)
    line[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    line[:-1] |= mask[:-1] ^ mask[1:]
    line[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return line


def whole_frame(prediction: np.ndarray, truth: np.ndarray, ids: list[int]) -> Scores:
    """J and F over whole frames, as a toolkit without boxes computes them."""
    steps = np.arange(-tolerance_radius(*truth.shape), tolerance_radius(*truth.shape) + 1)
    element, scores = (steps[:, None] ** 2 + steps**2 <= steps[0] ** 2).astype(np.uint8), []
    for name in ids:
        ours, theirs = prediction == name, truth == name
        union = np.count_nonzero(ours | theirs)
        lines = [border(mask) for mask in (ours, theirs)]
        zones = [cv2.dilate(line.astype(np.uint8), element) > 0 for line in lines]
        counts = [int(line.sum()) for line in lines]
        f = float(counts[0] == counts[1])
        if all(counts):
            precision, recall = (int((lines[i] & zones[1 - i]).sum()) / counts[i] for i in (0, 1))
            f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        scores.append((int(np.count_nonzero(ours & theirs)) / union if union else 1.0, f))
    return scores


def cut_out(prediction: np.ndarray, truth: np.ndarray, ids: list[int]) -> Scores:
    """J and F as longtake computes them."""
    return list(score_frame([prediction], truth, ids)[0].values())


def loaded(videos: list[Video], run: dict[str, dict[str, Path]]) -> Iterator[tuple[np.ndarray, np.ndarray, list[int]]]:
    """Prediction, annotation and ids of every frame but the first and the last."""
    for video in videos:
        masks = [(name, read_labels(path)) for name, path in video.masks.items()]
        ids = ids_in(masks[0][1])
        yield from ((read_labels(run[video.name][name]), truth, ids) for name, truth in masks[1:-1])


def clocked(
    score: Callable[..., Scores], frames: list[tuple[np.ndarray, np.ndarray, list[int]]]
) -> tuple[float, list[Scores]]:
    """Milliseconds per object and frame, and the scores."""
    started = time.perf_counter()
    scores = [score(*frame) for frame in frames]
    count = sum(len(ids) for *_, ids in frames)
    return (time.perf_counter() - started) * 1e3 / count, scores


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path, nargs="?", default=SHARED / "davis")
    parser.add_argument("predictions", type=Path, nargs="?", default=SHARED / "predictions")
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    if not given.annotations.is_dir():
        parser.exit(0, f"{given.annotations}: no masks there; name ANNOTATIONS and PREDICTIONS\n")
    videos = list(open_dataset(given.annotations).videos)
    run = masks_by_video(given.predictions, [video.name for video in videos])
    cv2.setNumThreads(1)
    frames = list(loaded(videos, run))
    clocked(cut_out, frames[:20])
    clocked(whole_frame, frames[:20])
    ours, scores = clocked(cut_out, frames)
    theirs, reference = clocked(whole_frame, frames)
    worst = max(
        abs(a - b)
        for s, r in zip(scores, reference, strict=True)
        for a, b in zip(np.ravel(s), np.ravel(r), strict=True)
    )
    height, width = frames[0][1].shape
    print(f"{len(frames)} frames of {width}x{height}, one process, reading not counted")
    print(f"J and F per object and frame: {ours:.2f} ms; over whole frames {theirs:.2f} ms: {theirs / ours:.1f} times")
    print(f"largest difference between the two: {worst:.1e}")
    many = [replace(video, name=f"{video.name}-{i}") for i in range(given.times) for video in videos]
    files = {f"{name}-{i}": masks for i in range(given.times) for name, masks in run.items()}
    seconds = {}
    for workers in (1, 2):
        started = time.perf_counter()
        score_videos(many, {"run": files}, find_protocol("davis2017"), workers)
        seconds[workers] = time.perf_counter() - started
    print(f"{len(many)} videos, reading counted: {seconds[1]:.1f} s in one process, {seconds[2]:.1f} s in two")
    print(f"two are {seconds[1] / seconds[2]:.2f} times as fast")


if __name__ == "__main__":
    main()
