"""Measure how well expected J foretells J, fit the calibration on the selection sequences, and write its page.

    python tools/calibrate.py measure DAVIS select
    python tools/calibrate.py measure DAVIS holdout
    python tools/calibrate.py page

`measure` follows each sequence of a split forwards from its first mask and backwards from its last with the bundled
model, and keeps expected and true J of every frame in docs/calibration/SPLIT.json. `page` fits rising straight lines
(isotonic regression) to those of the selection sequences, and writes src/longtake/weights/calibration.json,
docs/calibration.md and its diagram; the hold-out is only shown.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from longtake.engine.confidence import confidence
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.evaluation.region import region_similarity
from longtake.systems.calibration import UNCALIBRATED, Calibration
from longtake.systems.models import BUNDLED_DEFAULT, load
from longtake.video.folder import FolderSource
from longtake.video.masks import read_masks
from longtake.video.stretch import stretch

FOLDER, PAGE = Path("docs/calibration"), Path("docs/calibration.md")
FITTED = Path("src/longtake/weights/calibration.json")
BINS = 8
"""Of equally many frames each."""


def measure(root: Path, split: str) -> None:
    """Expected and true J of every frame that is followed."""
    run = runtime()
    system = run.ready(load(BUNDLED_DEFAULT)[0])
    pairs: dict[str, list[tuple[float, float]]] = {}
    for name in (root / f"ImageSets/2016/{split}.txt").read_text().split():
        files = sorted((root / "Annotations/480p" / name).glob("*.png"))
        source, last = FolderSource(root / "JPEGImages/480p" / name), len(files) - 1
        truth = [(read_masks(file).labels > 0).astype(np.uint16) for file in files]
        for first, end in ((0, last), (last, 0)):
            session = Session(system, run=run, keep=0)
            for frame in stretch(source, first, end):
                found = session.push(frame, truth[frame.index] if frame.index == first else None)
                expected = confidence(found.labels, found.certainty, (1,))[1]
                if frame.index != first and expected is not None:
                    true = float(region_similarity(found.labels == 1, truth[frame.index] == 1))
                    pairs.setdefault(name, []).append((round(expected, 4), round(true, 4)))
        print(f"{name}: mean J {np.mean([true for _, true in pairs[name]]):.3f}", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{split}.json").write_text(json.dumps(pairs) + "\n")


def fitted(pairs: np.ndarray) -> Calibration:
    """Rising straight lines through the means of bins of equally many frames, from nothing on."""
    groups = [group.mean(axis=0) for group in np.array_split(pairs[np.argsort(pairs[:, 0])], BINS)]
    expected, measured = np.array([(0.0, 0.0), *groups]).T
    rising = isotonic_regression(measured).x
    return Calibration(*(tuple(round(float(value), 4) for value in values) for values in (expected, rising)))


def binned(pairs: np.ndarray, calibration: Calibration) -> list[tuple[float, float, float, int]]:
    """For bins of equally many frames: mean confidence, mean and spread of J, frames."""
    sure = np.array([calibration(expected) for expected, _ in pairs])
    groups = np.array_split(np.argsort(sure, kind="stable"), BINS)
    return [(float(sure[g].mean()), float(pairs[g, 1].mean()), float(pairs[g, 1].std()), len(g)) for g in groups]


def error(rows: list[tuple[float, float, float, int]]) -> float:
    """The expected calibration error: mean distance of confidence and J over bins."""
    return float(np.average([abs(sure - true) for sure, true, _, _ in rows], weights=[row[3] for row in rows]))


def diagram(rows: dict[str, list[tuple[float, float, float, int]]]) -> str:
    """A reliability diagram as SVG: confidence to the right, measured J upwards, the diagonal where both agree."""
    side, low = 360, 0.5
    at = {"select": "#2563eb", "holdout": "#dc2626"}

    def x(value: float) -> float:
        return 40 + side * (max(value, low) - low) / (1 - low)

    def y(value: float) -> float:
        return 20 + side * (1 - max(value, low)) / (1 - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side + 80} {side + 70}" font-family="sans-serif" '
        'font-size="12" fill="#111">',
        f'<rect width="{side + 80}" height="{side + 70}" fill="#fff"/>',
        f'<path d="M{x(low)},{y(low)}L{x(1)},{y(1)}" stroke="#9ca3af" stroke-dasharray="4 4"/>',
    ]
    for tick in np.arange(low, 1.001, 0.1):
        parts += [
            f'<path d="M{x(tick):.0f},{y(low)}V{y(1)}M{x(low)},{y(tick):.0f}H{x(1)}" stroke="#e5e7eb"/>',
            f'<text x="{x(tick):.0f}" y="{y(low) + 16}" text-anchor="middle">{tick:.1f}</text>',
            f'<text x="{x(low) - 6}" y="{y(tick) + 4:.0f}" text-anchor="end">{tick:.1f}</text>',
        ]
    for number, (split, found) in enumerate(rows.items()):
        line = "L".join(f"{x(sure):.1f},{y(true):.1f}" for sure, true, _, _ in found)
        parts.append(f'<path d="M{line}" fill="none" stroke="{at[split]}" stroke-width="2"/>')
        for sure, true, spread, _ in found:
            parts.append(
                f'<path d="M{x(sure):.1f},{y(true - spread):.1f}V{y(min(1, true + spread)):.1f}" stroke="{at[split]}"/>'
            )
            parts.append(f'<circle cx="{x(sure):.1f}" cy="{y(true):.1f}" r="4" fill="{at[split]}"/>')
        parts.append(f'<text x="{x(low) + 10}" y="{y(1) + 18 + 16 * number}" fill="{at[split]}">{split}</text>')
    parts.append(f'<text x="{x(0.75)}" y="{side + 58}" text-anchor="middle">confidence</text>')
    parts.append(f'<text x="12" y="{y(0.75)}" transform="rotate(-90 12 {y(0.75)})" text-anchor="middle">J</text></svg>')
    return "\n".join(parts) + "\n"


def page() -> None:
    """The calibration, its page and its diagram."""
    found = dict[str, np.ndarray]()
    for split in ("select", "holdout"):
        if (path := FOLDER / f"{split}.json").exists():
            found[split] = np.array([pair for pairs in json.loads(path.read_text()).values() for pair in pairs])
    calibration = fitted(found["select"])
    points = {"expected": calibration.expected, "measured": calibration.measured}
    FITTED.write_text(json.dumps({BUNDLED_DEFAULT: points}, indent=1) + "\n")
    rows = {split: binned(pairs, calibration) for split, pairs in found.items()}
    (FOLDER / "reliability.svg").write_text(diagram(rows))
    lines = ["| split | confidence | J | spread of J | frames |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {split} | {sure:.3f} | {true:.3f} | {spread:.3f} | {count} |"
        for split, group in rows.items()
        for sure, true, spread, count in group
    ]
    errors = {
        split: (error(binned(pairs, UNCALIBRATED)), error(rows[split]), np.corrcoef(pairs.T)[0, 1])
        for split, pairs in found.items()
    }
    words = "\n".join(
        f"- {split}: {before:.3f} before, {after:.3f} after; correlation of expected J with J {rho:.2f}"
        for split, (before, after, rho) in errors.items()
    )
    PAGE.write_text(TEXT.format(model=BUNDLED_DEFAULT, bins=BINS, words=words, table="\n".join(lines)))


TEXT = """# Confidence

`confidence_ID` in frames.csv, and the review queue, tell how well an object's mask is expected to fit: its region
similarity J, as the model's own probabilities foretell it (`engine/confidence.py`), put right by what was measured for
`{model}` on the selection sequences, followed forwards and backwards (`python tools/calibrate.py measure DAVIS select`,
then `page`). The hold-out, where it is in the table, was measured the same way and not fitted to. Other models are not
calibrated.

![J against confidence, in {bins} bins of equally many frames](calibration/reliability.svg)

Expected calibration error (mean distance of confidence and J over {bins} bins):

{words}

{table}
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"] and len(sys.argv) == 4:
        measure(Path(sys.argv[2]), sys.argv[3])
    elif sys.argv[1:] == ["page"]:
        page()
    else:
        sys.exit(__doc__)
