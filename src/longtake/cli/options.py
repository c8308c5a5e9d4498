"""Options that several commands have, declared once."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="A bundled model, a checkpoint, or a preset with --weights.")]
Weights = Annotated[Path | None, typer.Option(help="A checkpoint whose tensors fill the preset.")]
Switches = Annotated[list[str] | None, typer.Option("--set", help="A switch of the preset: model.KEY=VALUE.")]
Memory = Annotated[
    str,
    typer.Option(
        help="Which past frames are kept: auto | first | previous | first+previous | every:N[:MAX] | lvos:N:MAX | "
        "all | newest:N | budget:2GB. Of each N-th frame, every keeps the newest MAX; lvos keeps the oldest and the "
        "newest, MAX with the first (lvos:5:6 in LVOS's tables). auto is the model's own rule, bounded, within a "
        "quarter of the device's memory."
    ),
]
Proposals = Annotated[
    Path | None,
    typer.Option(
        help="For dmn-aoa models: a folder of FRAME.json, as propose writes them, or weights of torchvision's "
        "Mask R-CNN, which then runs on every frame. Without it each object's last mask is proposed, moved and scaled."
    ),
]
Size = Annotated[str, typer.Option(help="Short side to work at; larger videos are reduced. `native`: never.")]
Save = Annotated[
    str,
    typer.Option(
        help="Beside labels, separated by commas: overlay, matte, probabilities, coco, ytvis, yolo, cvat (the last "
        "four when all frames are done)."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
Split = Annotated[str | None, typer.Option(help="The split, or a text file with a video's name on each line.")]
Unseen = Annotated[Path | None, typer.Option(help="Unseen videos (LVOS) or categories (YouTube-VOS), a name a line.")]
Attributes = Annotated[
    str | None,
    typer.Option(
        help="Scores per attribute (LVOS): a JSON file with the attributes of each video, or `computed` for those that "
        "masks tell of. The data set's own are used without it."
    ),
]
Frames = Annotated[
    str | None,
    typer.Option(
        "--frames",
        "--source",
        help="The video, or folder of images, that the masks are of: for overlay, matte and lvos-dataset (without "
        "it what run.json names), for YOLO, whose files hold no sizes, and for CVAT, whose files name no frames.",
    ),
]
Boxes = Annotated[
    list[str] | None, typer.Option(help="ID=X0,Y0,X1,Y1 in pixels: a box around an object of the first frame.")
]
Points = Annotated[
    list[str] | None, typer.Option(help="ID=X,Y: a point of an object. May be repeated, as all of these.")
]
BackgroundPoints = Annotated[list[str] | None, typer.Option(help="ID=X,Y: a point that does not belong to the object.")]
Scribbles = Annotated[list[str] | None, typer.Option(help="'ID=X,Y;X,Y;...': a line drawn through an object.")]
BackgroundScribbles = Annotated[
    list[str] | None, typer.Option(help="'ID=X,Y;X,Y;...': a line through what does not belong to it.")
]
Prompts = Annotated[
    Path | None, typer.Option(help="A JSON or YAML list of boxes, points and scribbles for any frames, as above.")
]
SamFiles = Annotated[
    str | None,
    typer.Option("--sam", help="ENCODER.onnx,DECODER.onnx: your Segment Anything model makes the masks of prompts."),
]
Dataset = Annotated[
    str, typer.Option(help="davis2016, davis2017, lvos, mose, youtube-vos, synth, synth-long or longtake-synth.")
]
Seed = Annotated[int, typer.Option(help="Of longtake-synth: another seed, other videos.")]
Protocol = Annotated[
    str | None, typer.Option(help="Score by another protocol than the data set's own; see evaluate --help.")
]
