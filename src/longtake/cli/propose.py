"""`longtake propose`: what a detector finds in every frame."""

from pathlib import Path
from typing import Annotated

import typer

from longtake.cli import options
from longtake.cli.progress import progress


def command(
    source: Annotated[str, typer.Argument(help="A video, a folder of images, or a tree of such folders.")],
    detector: Annotated[Path, typer.Option(help="Weights of torchvision's Mask R-CNN (.pth or .safetensors).")],
    out: Annotated[Path, typer.Option(help="Folder for the proposals; it mirrors a tree.")],
    size: Annotated[int, typer.Option(min=16, help="Short side of frames for the detector.")] = 800,
    device: options.Device = "auto",
) -> None:
    """Find whatever may be an object in every frame, once, for dmn-aoa models.

    A file per frame: boxes, masks (COCO's run lengths) and scores of at most 30 finds. Frames that have a file are
    passed over, so an interrupted call goes on where it stopped. The detector's weights are yours: torchvision
    publishes MaskRCNN_ResNet50_FPN_Weights (and V2), and torch.save(model.state_dict(), FILE) writes those of your own.

    Examples:
        longtake propose holiday.mp4 --detector maskrcnn.pth --out found
        longtake segment holiday.mp4 --masks first.png --out result --model dmn.safetensors --proposals found

        longtake propose DAVIS/JPEGImages --detector maskrcnn.pth --out proposals/DAVIS/JPEGImages
        longtake benchmark DAVIS --model dmn.safetensors --proposals proposals/DAVIS/JPEGImages/480p --out runs/davis
        longtake train dmn-aoa-paper --stages main --data DAVIS --set proposals=proposals --out runs/a

    """
    from longtake.export.propose import propose

    with progress("looking for objects") as update:
        count = propose(source, detector, out, short_side=size, device=device, report=update)
    typer.echo(f"proposals of {count} frames: {out}")
