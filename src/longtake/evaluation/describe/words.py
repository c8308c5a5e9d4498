"""Names and statistics of data sets in words, for terminal and page."""

from collections.abc import Sequence

from longtake.data.dataset import Dataset
from longtake.evaluation.describe.describe import Description, Statistics


def names(each: Sequence[Description]) -> list[str]:
    """What tells the data sets apart: their folders, with the split where these are alike."""
    short = [_folder(one.dataset) for one in each]
    split = [f"{name} {one.dataset.split}" for name, one in zip(short, each, strict=True)]
    full = [str(one.dataset.root) for one in each]
    return next((own for own in (short, split) if len(set(own)) == len(own)), full)


def _folder(dataset: Dataset) -> str:
    """The name of a data set's own folder, which is that above a split's."""
    root = dataset.root.absolute()
    return root.parent.name if root.name == dataset.split else root.name


def rows(each: Sequence[Statistics]) -> list[tuple[str, list[str]]]:
    """The columns of table 1, as rows of words."""
    columns = {
        "videos": [f"{row.videos:,}" for row in each],
        "fewest frames": [f"{row.shortest:,}" for row in each],
        "most frames": [f"{row.longest:,}" for row in each],
        "mean frames": [f"{row.mean_frames:,.1f}" for row in each],
        "total frames": [f"{row.frames:,}" for row in each],
        "mean duration": [_minutes(row.mean_duration) for row in each],
        "total duration": [_minutes(row.duration) for row in each],
        "frame rate": ["not known" if row.rate is None else f"{row.rate:g} per second" for row in each],
        "object classes": ["not known" if row.classes is None else f"{row.classes:,}" for row in each],
        "objects": [f"{row.objects:,}" for row in each],
        "annotated frames": [f"{row.annotated:,}" for row in each],
        "annotations": [f"{row.annotations:,}" for row in each],
        "captions": [f"{row.captions:,}" for row in each],
    }
    return list(columns.items())


def _minutes(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f} min"
