"""Folders of training data, told apart by looking, as one mixture of clip sources."""

from collections.abc import Sequence
from pathlib import Path

from longtake.data.clips import ClipDataset, ClipSource, Mixture, PastedClips, Shape, StillClips, VideoClips
from longtake.data.davis import Video, davis_videos, is_davis
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
        if is_davis(root):
            videos += davis_videos(root, recipe.split)
        elif is_stills(root):
            pictures += stills(root)
        else:
            cut_out += cutouts(root)
    video, photograph = VideoClips(videos), StillClips(pictures)
    paster = PastedClips(photograph if pictures else video, cut_out, pictures) if cut_out or pictures else None
    wanted: list[tuple[float, ClipSource | None, str]] = [
        (stage.sources.video, video if videos else None, "videos in DAVIS layout"),
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
