"""Train a system on the first 20 frames of three clips at 240p, then follow each from its first mask and score it.

    python tools/overfit.py DAVIS OUT --backbone BACKBONE [--model NAME] [--set KEY=VALUE ...]

A system that cannot learn three clips by heart (J of 0.9) has a fault. The recipe is tools/overfit.yaml; validation
along the way is on the same clips. Called again, it goes on where it was stopped. The curve is OUT/curve.csv.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from longtake.data.layouts import open_dataset
from longtake.systems.zoo import ZOO

FRAMES, SIZE, ENOUGH = 20, (427, 240), 0.9


def shrink(source: Path, names: list[str], out: Path) -> None:
    """The clips' first frames and masks at 240p, in DAVIS layout."""
    videos = {video.name: video for video in open_dataset(source, "train", "2016").videos}
    for name in names:
        for kind, files in (("JPEGImages", videos[name].frames), ("Annotations", videos[name].masks)):
            folder = out / kind / "480p" / name
            folder.mkdir(parents=True, exist_ok=True)
            for path in list(files.values())[:FRAMES]:
                with Image.open(path) as image:
                    if kind == "Annotations":
                        image.resize(SIZE, Image.Resampling.NEAREST).save(folder / path.name)
                    else:
                        image.resize(SIZE, Image.Resampling.LANCZOS).save(folder / path.name, quality=95)
    lists = out / "ImageSets" / "2016"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "train.txt").write_text("\n".join(names) + "\n")


def call(*words: object) -> None:
    """Run a command of longtake."""
    subprocess.run([sys.executable, "-m", "longtake", *map(str, words)], check=True)


def main() -> None:
    """Train, segment, evaluate; print J of each clip; the exit status is 1 where their mean is below 0.9."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--model", default="ddmemory-mobilenet-v2")
    parser.add_argument("--clips", nargs=3, default=["bear", "hike", "tennis"])
    parser.add_argument("--set", action="append", default=[])
    given = parser.parse_args()
    data, run = given.out / "data", given.out / "run"
    if run.is_dir():
        call("train", "--resume", run)
    else:
        shrink(given.source, given.clips, data)
        side = ZOO[given.model].build().fit.place((240, 256)).fitted
        settings = [f"model={given.model}", f"backbone={given.backbone}", f"stages.0.shapes.0.side={list(side)}"]
        words = [word for setting in [*settings, *given.set] for word in ("--set", setting)]
        call("train", Path(__file__).with_suffix(".yaml"), "--data", data, "--out", run, *words)
    predictions = given.out / "predictions"
    for name in given.clips:
        first = next(iter(sorted((data / "Annotations/480p" / name).iterdir())))
        out = given.out / "segmented" / name
        call(
            "segment",
            data / "JPEGImages/480p" / name,
            "--masks",
            first,
            "--out",
            out,
            "--model",
            run / "model.safetensors",
        )
        predictions.mkdir(exist_ok=True)
        if not (predictions / name).exists():
            (predictions / name).symlink_to((out / "labels").resolve())
    scores = given.out / "scores.json"
    words = ["--protocol", "davis2016", "--annotations", data, "--split", "train", "--predictions", predictions]
    call("evaluate", *words, "--json", scores)
    write_curve(run, given.out / "curve.csv")
    found = {name: figures["J"]["mean"] for name, figures in json.loads(scores.read_text())["objects"].items()}
    print("J:", ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    mean = sum(found.values()) / len(found)
    print(f"mean {mean:.3f}: {'learnt' if mean >= ENOUGH else 'not learnt'}")
    sys.exit(mean < ENOUGH)


def write_curve(run: Path, out: Path) -> None:
    """The loss, averaged over 20 steps, and J where it was validated."""
    with (run / "losses.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    found = {event["step"]: event["J"] for event in events if event.get("event") == "validation"}
    with out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["step", "loss", "J"])
        for step in range(20, len(losses) + 1, 20):
            table.writerow([step, f"{sum(losses[step - 20 : step]) / 20:.4f}", found.get(step, "")])


if __name__ == "__main__":
    main()
