"""Folders of training data, told apart by looking, and the clips that a stage of a recipe draws from them."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from longtake.data.clips import ClipSource, PastedClips, ProceduralClips, Shape, StillClips, VideoClips
from longtake.data.dataset import IMAGES, Dataset, Video
from longtake.data.footage import VideoFootage
from longtake.data.images import Store
from longtake.data.layouts import is_dataset, open_dataset
from longtake.data.mixture import ClipDataset, Mixture
from longtake.data.proposed import ProposalFiles, open_proposed
from longtake.data.still import Still
from longtake.data.stills import cutouts, is_stills, open_stills
from longtake.errors import InputError
from longtake.systems.teaching import current
from longtake.training.bring import LEAST, bring
from longtake.training.own import is_own, is_project, unknown
from longtake.training.recipe import Recipe, Stage

MEGABYTE = 2**20


@dataclass
class Opened:
    """What the folders hold. videos: as often as the recipe repeats them. files: of each folder, those in use."""

    store: Store
    videos: list[VideoFootage] = field(default_factory=list)
    stills: list[Still] = field(default_factory=list)
    cutouts: list[Path] = field(default_factory=list)
    files: dict[Path, list[Path]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    proposed: ProposalFiles | None = None

    @property
    def count(self) -> int:
        """How many images there are."""
        return sum(map(len, dict.fromkeys(self.videos))) + len(self.stills) + len(self.cutouts)


def bring_own(roots: Sequence[Path], out: Path) -> None:
    """Bring what no layout has into one, below the run's folder, where a run that goes on finds it.

    Raises UnfitError with every problem of the first root that has any, OutputError.
    """
    begun = (out / "recipe.json").exists()
    for root, place in zip(roots, at_hand(roots, out), strict=True):
        if place != root and not (begun and place.is_dir()):
            shutil.rmtree(place, ignore_errors=True)
            for note in bring(root, place):
                logging.getLogger("longtake").warning("%s", note)


def at_hand(roots: Sequence[Path], out: Path) -> list[Path]:
    """Where each folder of data is read: itself, or what it is brought into."""
    places = [out / "brought" / f"{number}-{root.stem}" for number, root in enumerate(roots)]
    begun = (out / "recipe.json").exists()
    return [
        place if (begun and place.is_dir()) or is_own(root) else root for root, place in zip(roots, places, strict=True)
    ]


def open_sources(recipe: Recipe, roots: Sequence[Path]) -> Opened:
    """The folders' videos, photographs and cut-outs. Raises InputError where one of them holds nothing of the kind."""
    opened = Opened(Store(recipe.cache * MEGABYTE))
    if recipe.proposals is not None:
        opened.proposed = open_proposed(Path(recipe.proposals), roots)
    for root in roots:
        if not root.is_dir() or is_project(root):
            raise InputError(f"{root}: {unknown(root)}")
        if is_stills(root):
            stills = open_stills(root, recipe.split)
            opened.stills += stills.items
            opened.notes += stills.notes
            opened.files[root] = [path for still in stills.items for path in (still.image, still.truth)]
        elif is_dataset(root):
            dataset = _opened(root, recipe)
            videos = _with_masks(dataset, opened, recipe.year == "2016" and dataset.layout == "davis")
            opened.videos += videos * recipe.repeat.get(dataset.layout, 1)
            opened.files[root] = [path for video in videos for path in video.files()]
        else:
            own = list(cutouts(root))
            opened.cutouts += own
            opened.files[root] = own
    if opened.videos and max(map(len, opened.videos)) < LEAST:
        raise InputError(
            f"{opened.videos[0].video.name}: only 1 annotated frame; annotate at least {LEAST}: one is given, the "
            "others are followed"
        )
    longest = max(shape.frames for stage in recipe.stages for shape in stage.shapes)
    if short := [video for video in dict.fromkeys(opened.videos) if len(video) < longest]:
        first = f"{short[0].video.name}: {len(short[0])}"
        opened.notes.append(
            f"{len(short)} videos have fewer frames with masks than clips take, {longest}, and repeat some ({first})"
        )
    return opened


def _opened(root: Path, recipe: Recipe) -> Dataset:
    """The recipe's split of a data set; the folder of one split is taken as it is, but for a list of videos."""
    alone = (root / IMAGES).is_dir() and not (root / "ImageSets").is_dir()
    if alone and not Path(recipe.split).is_file():
        return open_dataset(root)
    return open_dataset(root, recipe.split, recipe.year)


def _with_masks(dataset: Dataset, opened: Opened, together: bool) -> list[VideoFootage]:
    """The videos that have frames with masks; of those that lack them, and of masks without frames, notes are taken."""
    usable = [video for video in dataset.videos if video.pairs]
    lacking = [video for video in dataset.videos if not video.pairs]
    if not usable:
        raise InputError(f"{dataset.root}: {_halves(lacking[0])}, but no pair ({len(lacking)} videos like it)")
    if lacking:
        opened.notes.append(
            f"{dataset.root}: {len(lacking)} of {len(dataset.videos)} videos have no frame with a mask and are left "
            f"out ({_halves(lacking[0])})"
        )
    if orphans := [video for video in usable if video.masks.keys() - video.frames.keys()]:
        mask = sorted(orphans[0].masks.keys() - orphans[0].frames.keys())[0]
        opened.notes.append(
            f"{dataset.root}: {len(orphans)} videos have masks without a frame, which are left out "
            f"(the first: {orphans[0].masks[mask]})"
        )
    return [VideoFootage(video, opened.store, together, opened.proposed) for video in usable]


def _halves(video: Video) -> str:
    return f"video {video.name} has {len(video.frames)} frames and {len(video.masks)} masks"


def tell(opened: Opened) -> None:
    """What is odd about the data, a line each."""
    for note in opened.notes:
        logging.getLogger("longtake").warning("%s", note)


def stage_clips(recipe: Recipe, number: int, opened: Opened) -> ClipDataset:
    """The clips of a stage. Raises InputError where it needs a kind of data that no folder holds."""
    stage = recipe.stages[number]
    sources, weights = _sources(opened), stage.sources
    wanted = [
        (weights.video, "video", "videos with masks"),
        (weights.stills, "stills", "photographs with masks"),
        (weights.pasted, "pasted", "cut-outs or photographs with masks"),
        (weights.procedural, "procedural", ""),
    ]
    for weight, name, what in wanted:
        if weight and name not in sources:
            held = ", ".join(map(str, opened.files)) or "no --data was given"
            raise InputError(f"stage {stage.name} needs {what}; none of these folders holds any: {held}")
    paster = sources.get("pasted")
    assert paster is None or isinstance(paster, PastedClips)
    mixture = Mixture(
        [(weight, sources[name]) for weight, name, _ in wanted if weight],
        paster,
        weights.merged,
        weights.distractor,
        weights.lookalike,
    )
    return ClipDataset(mixture, partial(_shape, stage), (recipe.seed, number))


def _shape(stage: Stage, clip: int) -> Shape:
    """The shape of a stage's clip by its number."""
    step = clip // stage.batch
    shape = stage.shape_at(step)
    gap: int = current(shape.gap, step / stage.steps)
    changes = shape.augmentation.model_dump()
    return Shape(shape.frames, shape.size, shape.objects, gap, shape.window, shape.samplers, shape.late, **changes)


def _sources(opened: Opened) -> dict[str, ClipSource]:
    """The sources that the data allow, by the names of their weights."""
    sources: dict[str, ClipSource] = {"procedural": ProceduralClips()}
    if opened.videos:
        sources["video"] = VideoClips(opened.videos)
    if opened.stills:
        sources["stills"] = StillClips(opened.stills, opened.store, opened.proposed)
    if opened.cutouts or opened.stills:
        ground = sources.get("stills") or sources.get("video") or sources["procedural"]
        sources["pasted"] = PastedClips(ground, opened.cutouts, opened.stills, opened.store)
    return sources
