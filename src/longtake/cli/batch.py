"""`longtake batch`: masks for every frame of many videos."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longtake.cli import options
from longtake.cli.progress import progress
from longtake.errors import SettingError

if TYPE_CHECKING:
    from longtake.batch.report import BatchReport
    from longtake.batch.work import Outcome

SHOWN = 10
"""Failures that are told on the screen; the report has all."""


def command(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="A CSV file with the columns source and masks, or JSONL with these keys; a video per line."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results: one for each video, and report.csv.")],
    engine: Annotated[
        str, typer.Option(help="local: processes of this machine. ray: a cluster of machines.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Videos at once. Without it one for each card, or every two processors.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; without it one on this machine is used or started.")
    ] = None,
    model: options.Model = "default",
    weights: options.Weights = None,
    memory: options.Memory = "auto",
    size: options.Size = "480",
    save: options.Save = "overlay",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Segment every video of a manifest; what is done stays done, one bad video never stops the others.

    A line gives source and masks (or prompts, a file of boxes, points and scribbles as segment takes it), relative to
    the manifest's folder, and whatever differs from the options here: name (of the folder with the results), model,
    weights, memory, size, start, end, save, device, precision, proposals, backend. Called again, the command does what
    is missing and what failed; remove a folder to have it done again.

    Examples:
        longtake batch videos.csv --out results

        longtake batch videos.jsonl --out results --workers 4 --save overlay,probabilities

        longtake batch videos.csv --out /shared/results --engine ray --address auto

    videos.csv:
        source,masks,name,start
        clips/one.mp4,masks/one.png,,
        clips/two.mp4,masks/two,second,0:10

    Results: as those of segment in results/NAME, whole or not there; results/report.csv with a line for each video.
    Exit status 1 where a video failed.

    """
    if engine not in ("local", "ray"):
        raise SettingError(f"--engine {engine}: use local or ray")
    if address is not None and engine != "ray":
        raise SettingError("--address: only --engine ray has one")
    common: dict[str, Any] = {"model": model, "weights": weights and weights.absolute(), "memory": memory, "size": size}
    if model.endswith(".safetensors"):
        common["model"] = str(Path(model).absolute())
    common |= {"save": save, "device": device, "precision": precision}
    from longtake.batch.manifest import read_manifest

    jobs = read_manifest(manifest, common)
    from longtake.batch import local
    from longtake.batch.report import BatchReport
    from longtake.batch.work import sort_out
    from longtake.video.sinks import make_folder

    make_folder(out)
    report = BatchReport(out / "report.csv", [job.name for job in jobs])
    known, left = sort_out(jobs, out)
    report.add(*known)
    outcomes: Iterator[Outcome]
    if engine == "ray" and left:
        from longtake.batch import on_ray

        outcomes = on_ray.run(left, out, workers, address)
    else:
        outcomes = local.run(left, out, workers or local.default_workers())
    with progress("videos") as update:
        for outcome in outcomes:
            report.add(outcome)
            failures = len(report.of("failed"))
            update(len(report.outcomes), len(jobs), f"{failures} failed" if failures else "")
    _tell(report)


def _tell(report: "BatchReport") -> None:
    """What became of them; raises typer.Exit where not all is well."""
    failures = report.of("failed")
    for each in failures[:SHOWN]:
        typer.echo(f"{each.name}: {each.message}", err=True)
    if len(failures) > SHOWN:
        typer.echo(f"and {len(failures) - SHOWN} more: {report.path}", err=True)
    before, left = len(report.of("before")), len(report.names) - len(report.outcomes)
    words = [f"{len(report.of('done'))} done"]
    words += [f"{before} done before"] * (before > 0) + [f"{len(failures)} failed"] * bool(failures)
    words += [f"{left} not begun, for there is no room on the disk: make some and call this again"] * (left > 0)
    typer.echo(f"{', '.join(words)}: {report.path}")
    if failures or left:
        raise typer.Exit(1)
