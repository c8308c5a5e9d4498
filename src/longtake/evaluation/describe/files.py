"""A description as JSON, for programs. What is not known is null."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from longtake.evaluation.describe.describe import Description
from longtake.evaluation.observed import ABSENCES, SIZES


def as_json(description: Description, against: Description | None = None) -> dict[str, Any]:
    """Everything, in plain values; a second data set in `against`."""
    content = _one(description)
    return content if against is None else {**content, "against": _one(against)}


def _one(description: Description) -> dict[str, Any]:
    data, row = description.dataset, description.statistics()
    return {
        "data": {"root": str(data.root), "layout": data.layout, "split": data.split},
        "statistics": {
            "videos": row.videos,
            "frames": {"min": row.shortest, "max": row.longest, "mean": row.mean_frames, "total": row.frames},
            "frames_per_second": row.rate,
            "minutes": {"mean": row.mean_duration, "total": row.duration},
            "classes": row.classes,
            "objects": row.objects,
            "annotated_frames": row.annotated,
            "annotations": row.annotations,
            "captions": row.captions,
        },
        "categories": [
            {"category": kind.name, "parent": kind.parent, "objects": kind.objects, "annotations": kind.masks}
            for kind in description.categories()
        ],
        "attributes": {name: list(own.codes) for name, own in description.labels.items()},
        "attributes_from": {name: "people" if own.given else "masks" for name, own in description.labels.items()},
        "attributes_told_from_masks": {name: list(own.codes) for name, own in description.told.items()},
        "attribute_shares": {
            code: {"videos": share.videos, "of": share.known} for code, share in description.shares().items()
        },
        "attribute_pairs": description.pairs(),
        "mask_sizes": _histogram(description.sizes(), SIZES),
        "absences": _histogram(description.absences(), ABSENCES),
        "videos": {
            seen.name: {
                "frames": seen.frames,
                "annotated_frames": seen.masks,
                "objects": len(seen.objects),
                "annotations": sum(thing.masks for thing in seen.objects.values()),
            }
            for seen in description.observed
        },
    }


def _histogram(counts: Counter[int], edges: Sequence[float]) -> dict[str, Any]:
    """counts[i] are those from edges[i - 1] on, below edges[i]; the first are below the first, the last above all."""
    return {"edges": list(edges), "counts": [counts[place] for place in range(len(edges) + 1)]}
