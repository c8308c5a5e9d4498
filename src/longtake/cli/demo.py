"""`longtake demo`: the bundled clip through the bundled model."""

import importlib.resources
from pathlib import Path
from typing import Annotated

import typer

from longtake.cli.progress import progress


def command(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("longtake-demo"),
) -> None:
    """Segment the bundled clip with the bundled model, and say what to try next.

    Example:
        longtake demo --out longtake-demo

    """
    from longtake.export.segment import segment
    from longtake.video.masks import read_masks

    folder = Path(str(importlib.resources.files("longtake"))) / "demo"
    with progress("segmenting the demo") as update:
        count = segment(
            folder / "clip.mp4",
            folder / "masks" / "000000.png",
            out,
            report=lambda done, total: update(done, total, ""),
        )
    scores = agreement(out / "labels", folder / "masks")
    objects = len(read_masks(folder / "masks" / "000000.png").ids)
    typer.echo(
        f"{objects} objects over {count} frames; overlap with the true masks (region similarity J): {scores:.2f}\n\n"
        f"  look at   {out / 'overlay.mp4'}\n"
        f"  masks in  {out / 'labels'}\n\n"
        "Now your own video: paint the object on its first frame (any paint program; black background, white\n"
        "object, or one grey value per object), save it as a PNG of the same size, and run\n\n"
        "  longtake segment VIDEO.mp4 --masks FIRST.png --out RESULT\n"
    )


def agreement(labels: Path, truth: Path) -> float:
    """Mean region similarity J over all objects of the first mask and all later frames but the last."""
    import numpy as np

    from longtake.evaluation.region import region_similarity
    from longtake.video.masks import read_masks

    names = sorted(path.name for path in truth.glob("*.png"))
    ids = read_masks(truth / names[0]).ids
    scores = []
    for name in names[1:-1]:
        ours, theirs = read_masks(labels / name).labels, read_masks(truth / name).labels
        scores += [region_similarity(ours == i, theirs == i) for i in ids]
    return float(np.mean(scores))
