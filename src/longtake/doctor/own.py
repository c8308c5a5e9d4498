"""Videos and masks of one's own: what fine-tuning on them would stop at, every problem at once."""

from pathlib import Path

from longtake.doctor.dataset import Progress
from longtake.doctor.report import Report
from longtake.training.bring import check


def examine_own(path: Path, progress: Progress = lambda done, count: None) -> Report:
    """Every annotated frame read with its masks. progress: called after each."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, None)

    found = check(path, tick=tick)
    report = Report(str(path), "videos with masks", problems=found.problems, notes=found.notes)
    sizes = sorted({f"{width}x{height}" for height, width in found.sizes.values()})
    report.facts = {
        "videos": f"{len(found.masks):,}",
        "frames": f"{sum(found.frames.values()):,}",
        "masks": f"{sum(found.masks.values()):,}",
        "objects": f"{sum(found.objects.values()):,}",
        "sizes": ", ".join(sizes) or "none that fits",
    }
    return report
