"""Folders of training data, told apart by looking, as one mixture of clip sources."""

from collections.abc import Sequence
from pathlib import Path

from longtake.data.clips import ClipDataset, ClipSource, Mixture, PastedClips, Shape, StillClips, VideoClips
from longtake.data.dataset import Video
from longtake.data.layouts import is_dataset, open_dataset
from longtake.data.stills import Still, cutouts, is_stills, stills
from longtake.errors import InputError
from longtake.training.recipe import Recipe, Stage


def clip_dataset(recipe: Recipe, stage: Stage, roots: Sequence[Path]) -> ClipDataset:
    """The clips of a stage. Raises InputError where the stage needs a kind of data that no folder holds."""
    videos: list[Video] = []
    pictures: list[Still] = []
    cut_out: list[Path] = []
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; --data names folders of training data")
        if is_stills(root):
            pictures += stills(root)
        elif is_dataset(root):
            videos += _annotated(root, recipe.split)
        else:
            cut_out += cutouts(root)
    video, photograph = VideoClips(videos), StillClips(pictures)
    paster = PastedClips(photograph if pictures else video, cut_out, pictures) if cut_out or pictures else None
    wanted: list[tuple[float, ClipSource | None, str]] = [
        (stage.sources.video, video if videos else None, "videos with masks"),
        (stage.sources.stills, photograph if pictures else None, "photographs with masks"),
        (stage.sources.pasted, paster, "cut-outs or photographs with masks"),
    ]
    sources: list[tuple[float, ClipSource]] = []
    for weight, source, what in wanted:
        if weight and source is None:
            raise InputError(f"stage {stage.name} needs {what}; none of these folders holds any: {[*map(str, roots)]}")
        if weight and source is not None:
            sources.append((weight, source))
    mixture = Mixture(sources, paster, stage.sources.distractor, stage.sources.lookalike)
    shapes = [Shape(s.frames, s.side, s.objects, s.gap, s.window) for s in stage.shapes]
    return ClipDataset(mixture, shapes, stage.batch, recipe.seed)


def _annotated(root: Path, split: str) -> list[Video]:
    """The videos of a split. Raises InputError naming one without frames that have masks."""
    videos = list(open_dataset(root, split).videos)
    for video in videos:
        if not video.pairs:
            raise InputError(
                f"{root}: video {video.name} has {len(video.frames)} frames and {len(video.masks)} masks, but no pair"
            )
    return videos
