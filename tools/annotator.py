"""A scripted annotator: corrects the worst frame of each sequence with its true mask, three times over.

    python tools/annotator.py DAVIS --split holdout --json annotator.json
    python tools/annotator.py DAVIS --split select --rounds 3

Each sequence is followed from its first mask; in each round the frame with the lowest J is corrected, and its
neighbourhood followed anew (`Editor.correct`). Prints J before and after over the frames that were never corrected, the
share of the gap to J = 1 that closed, and how often the first of the review queue lay in the worst fifth of the frames.
Exit status 1 where less than a quarter of the gap closed, or the queue was right less than 60 % of the time.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from longtake.engine.editor import Editor
from longtake.engine.runtime import runtime
from longtake.evaluation.region import region_similarity
from longtake.systems.models import DEFAULT, load
from longtake.video.folder import FolderSource
from longtake.video.masks import read_masks


def main() -> int:
    """Exit status 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="DAVIS 2016")
    parser.add_argument("--split", default="select")
    parser.add_argument("--sequences", nargs="*", help="only these of the split")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    run = runtime()
    system, _ = load(options.model)
    system = run.ready(system)
    before, after, picks, figures = list[float](), list[float](), list[bool](), dict[str, object]()
    names = (options.root / f"ImageSets/2016/{options.split}.txt").read_text().split()
    for name in options.sequences or names:
        began = time.monotonic()
        files = sorted((options.root / "Annotations/480p" / name).glob("*.png"))
        truth = [(read_masks(file).labels > 0).astype(np.uint16) for file in files]
        with tempfile.TemporaryDirectory() as folder:
            source = FolderSource(options.root / "JPEGImages/480p" / name)
            editor = Editor(system, source, Path(folder), run=run)
            editor.correct(0, truth[0])
            first = similarities(editor, truth)
            right = []
            for _ in range(options.rounds):
                now = similarities(editor, truth)
                free = [frame for frame in range(len(truth)) if frame not in editor.given]
                worst = sorted(free, key=lambda frame: now[frame])
                right.append(editor.review()[0].frame in worst[: len(free) // 5])
                editor.correct(worst[0], {1: truth[worst[0]] == 1})  # also where the object is not to be seen
            last = similarities(editor, truth)
            free = [frame for frame in range(len(truth)) if frame not in editor.given]
        j = [float(np.mean([values[frame] for frame in free])) for values in (first, last)]
        before, after, picks = [*before, j[0]], [*after, j[1]], [*picks, *right]
        figures[name] = {"before": j[0], "after": j[1], "corrected": sorted(editor.given), "picks": right}
        print(f"{name}: J {j[0]:.3f} to {j[1]:.3f}, picks {right}, {time.monotonic() - began:.0f} s", flush=True)
    closed = 1 - (1 - np.mean(after)) / (1 - np.mean(before))
    hit = float(np.mean(picks))
    print(f"J {np.mean(before):.3f} to {np.mean(after):.3f}: {closed:.0%} of the gap closed; {hit:.0%} of picks right")
    if options.json is not None:
        options.json.write_text(json.dumps({"closed": closed, "picks": hit, "sequences": figures}, indent=1) + "\n")
    return int(closed < 0.25 or hit < 0.6)


def similarities(editor: Editor, truth: list[np.ndarray]) -> list[float]:
    """J of each frame as it stands."""
    shown = [editor.labels(frame) for frame in range(editor.count)]
    return [
        0.0 if labels is None else float(region_similarity(labels == 1, true == 1))
        for labels, true in zip(shown, truth, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
