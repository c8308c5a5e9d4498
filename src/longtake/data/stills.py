"""Still images as training data in every common layout, told apart by looking at the folder; and RGBA cut-outs.

images + masks   ROOT/images/*, ROOT/masks/*.png, and the names that saliency sets have for these (`FOLDERS`)
Static           ROOT/JPEGImages/[<set>/]*, ROOT/Annotations/[<set>/]*.png, as STM and AOT train on
side by side     x.jpg with x.png, or x_im.jpg with x_gt.png, in ROOT or in a folder per class (MSRA10K, FSS-1000, BIG)
PASCAL VOC       ROOT/JPEGImages/*.jpg, ROOT/SegmentationObject/*.png, ROOT/ImageSets/Segmentation/<split>.txt
COCO             ROOT/annotations/instances_<split>.json, ROOT/[images/][<split>/]*.jpg
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from longtake.data.coco import read_instances
from longtake.data.dataset import folders_in
from longtake.data.still import Listed, Masked, Salient, Still, Stills
from longtake.errors import InputError
from longtake.video.images import UNREADABLE, images_in

FOLDERS = (
    ("images", "masks"),
    ("images", "ground_truth_mask"),
    ("DUTS-TR-Image", "DUTS-TR-Mask"),
    ("DUTS-TE-Image", "DUTS-TE-Mask"),
    ("Image", "Mask"),
    ("Imgs", "GT"),
    ("imgs", "gt"),
)
"""Folders of images and of masks; all but the first pair are those of saliency sets."""

LOOKS = 16
"""Images, and folders, that are looked at to tell photographs from frames of a video."""


@dataclass(frozen=True)
class Layout:
    """A way to lay out photographs. open: from the root and the name of a split."""

    name: str
    is_at: Callable[[Path], bool]
    open: Callable[[Path, str | None], Stills]


def is_stills(root: Path) -> bool:
    """Whether a folder holds photographs with masks, in any layout."""
    return root.is_dir() and any(layout.is_at(root) for layout in LAYOUTS)


def open_stills(root: Path, split: str | None = None) -> Stills:
    """The photographs of a folder that have masks; split: of PASCAL VOC and COCO, ignored where there are none.

    Raises InputError where the folder holds none, not one has a mask, or the split is not there; MissingExtraError.
    """
    layout = next((layout for layout in LAYOUTS if root.is_dir() and layout.is_at(root)), None)
    if layout is None:
        raise InputError(f"{root}: no photographs with masks, as images/ with masks/, Static, PASCAL VOC or COCO")
    return layout.open(root, split)


def cutouts(root: Path) -> Sequence[Path]:
    """All RGBA cut-outs of a folder and the folders in it. Raises InputError where there are none, or some are opaque.

    Only headers are looked at; `longtake.data.images.read_rgba` refuses a cut-out without transparent pixels.
    """
    found = sorted(path for path in root.rglob("*.png") if not path.name.startswith("."))
    if not found:
        raise InputError(f"{root}: neither videos, nor photographs with masks, nor a folder of PNG cut-outs")
    if opaque := [path for path in found if not _has_alpha(path)]:
        raise InputError(f"{root}: {len(opaque)} of {len(found)} cut-outs have no alpha, the first: {opaque[0]}")
    return found


def _has_alpha(path: Path) -> bool:
    """Also True where the file cannot be read, which whoever reads it will tell."""
    try:
        with Image.open(path) as image:
            return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    except UNREADABLE:
        return True


def _paired(
    layout: str, root: Path, images: Mapping[str, Path], masks: Mapping[str, Path], make: Callable[[Path, Path], Still]
) -> Stills:
    """Images with the masks of the same key. Raises InputError where no image has one."""
    items = [make(images[key], masks[key]) for key in images if key in masks]
    bare = [path for key, path in images.items() if key not in masks]
    spare = [path for key, path in masks.items() if key not in images]
    if not items:
        first = f"; the first: {bare[0] if bare else spare[0]}" if bare or spare else ""
        raise InputError(f"{root}: not one of {len(images)} images has a mask of its name among {len(masks)}{first}")
    told = ((bare, f"of {len(images)} images have no mask"), (spare, f"of {len(masks)} masks have no image"))
    notes = [f"{root}: {len(files)} {what}, the first: {files[0].relative_to(root)}" for files, what in told if files]
    return Stills(layout, items, notes)


def _by_stem(folder: Path) -> dict[str, Path]:
    """Images by their names without endings; of several of one name the PNG."""
    files = images_in(folder) if folder.is_dir() else []
    return {file.stem: file for file in sorted(files, key=lambda file: file.suffix.lower() == ".png")}


def _folders(images: str, masks: str) -> Layout:
    make = Masked if masks == "masks" else Salient
    return Layout(
        f"{images} + {masks}",
        lambda root: (root / images).is_dir() and (root / masks).is_dir(),
        lambda root, _: _paired(f"{images} + {masks}", root, _by_stem(root / images), _by_stem(root / masks), make),
    )


def _static(root: Path, split: str | None) -> Stills:
    """One folder of images, or one per set."""
    images, masks = root / "JPEGImages", root / "Annotations"
    sets = {Path(folder.name): folder for folder in folders_in(images)} if not images_in(images) else {Path(): images}
    pictures = {f"{name / stem}": file for name, folder in sets.items() for stem, file in _by_stem(folder).items()}
    found = {f"{name / stem}": file for name in sets for stem, file in _by_stem(masks / name).items()}
    return _paired("Static", root, pictures, found, Masked)


def _is_static(root: Path) -> bool:
    """Videos are laid out alike, but (nearly) all frames of a video are of one size."""
    images = root / "JPEGImages"
    if not images.is_dir() or not (root / "Annotations").is_dir():
        return False
    return bool(images_in(images)) or any(_sizes_differ(folder) for folder in folders_in(images)[:LOOKS])


def _sizes_differ(folder: Path) -> bool:
    """Whether, of a few images from all over a folder, more than a tenth have another size than most."""
    files, found = images_in(folder), Counter[tuple[int, int]]()
    for file in files[:: max(1, len(files) // LOOKS)]:
        with contextlib.suppress(*UNREADABLE), Image.open(file) as image:
            found[image.size] += 1
    return 10 * (found.total() - max(found.values(), default=0)) > found.total()


def _beside(root: Path, split: str | None) -> Stills:
    images, masks = dict[str, Path](), dict[str, Path]()
    for folder in [root, *folders_in(root)]:
        for key, (image, mask) in _partners(folder).items():
            name = f"{folder.name}/{key}"
            if image:
                images[name] = image
            if mask:
                masks[name] = mask
    return _paired("side by side", root, images, masks, Salient)


def _is_beside(root: Path) -> bool:
    partners = (_partners(folder) for folder in [root, *folders_in(root)][:LOOKS])
    return any(image and mask for found in partners for image, mask in found.values())


def _partners(folder: Path) -> dict[str, tuple[Path | None, Path | None]]:
    """Image and mask by what their names share; a JPEG is an image, and a PNG a mask unless named otherwise."""
    found: dict[str, tuple[Path | None, Path | None]] = {}
    for file in images_in(folder):
        stem, is_mask = file.stem, file.suffix.lower() == ".png"
        for ending, meaning in (("_gt", True), ("_im", False)):
            if stem.endswith(ending):
                stem, is_mask = stem.removesuffix(ending), meaning
        image, mask = found.get(stem, (None, None))
        found[stem] = (image, file) if is_mask else (file, mask)
    return found


def _voc(root: Path, split: str | None) -> Stills:
    """Most of its images are in no split and have no mask, which is no flaw."""
    images, masks = _by_stem(root / "JPEGImages"), _by_stem(root / "SegmentationObject")
    names = masks.keys() if split is None else _split_of_voc(root, split)
    images, masks = ({name: found[name] for name in names if name in found} for found in (images, masks))
    return _paired("PASCAL VOC", root, images, masks, lambda image, mask: Masked(image, mask, white=False))


def _split_of_voc(root: Path, split: str) -> list[str]:
    lists = {path.stem: path for path in sorted((root / "ImageSets" / "Segmentation").glob("*.txt"))}
    if split not in lists:
        raise InputError(
            f"{root}: no ImageSets/Segmentation/{split}.txt; its splits are {', '.join(lists) or 'missing'}"
        )
    return lists[split].read_text(encoding="utf-8", errors="replace").split()


def _coco(root: Path, split: str | None) -> Stills:
    name, listing = _split_of_coco(root, split)
    instances = read_instances(listing)
    folder = _pictures_of_coco(root, name, instances.names)
    present = {f"{path.relative_to(folder)}" for path in _files_below(folder, instances.names)}
    items = [Listed(folder / file, listing, instances, i) for i, file in enumerate(instances.names) if file in present]
    lacking = [file for file in instances.names if file not in present]
    if not items:
        first = f" {lacking[0]}" if lacking else ""
        raise InputError(f"{listing}: not one of its {len(lacking)} pictures with instances is in {folder}{first}")
    note = f"{listing}: {len(lacking)} of {len(instances.names)} pictures are not in {folder}, the first: {lacking[:1]}"
    return Stills("COCO", items, [note] if lacking else [])


def _split_of_coco(root: Path, split: str | None) -> tuple[str, Path]:
    """Name and file of a split; `train` is enough for train2017, and what is taken where none is named."""
    lists = {path.stem.removeprefix("instances_"): path for path in sorted(root.glob("annotations/instances_*.json"))}
    if split in lists:
        return split, lists[split]
    fitting = [name for name in lists if name.startswith(split or "train")]
    if split is None and len(lists) == 1:
        fitting = list(lists)
    if len(fitting) != 1:
        wanted = f"annotations/instances_{split}.json" if split else "one split to be taken"
        raise InputError(f"{root}: no {wanted}; name one of {', '.join(lists)}")
    return fitting[0], lists[fitting[0]]


def _pictures_of_coco(root: Path, split: str, names: Sequence[str]) -> Path:
    """The folder that holds a split's pictures: of those in use the one with most of the first few."""
    places = [root / split, root / "images" / split, root / "images", root / "JPEGImages", root]
    return max(places, key=lambda place: sum((place / name).is_file() for name in names[:LOOKS]))


def _files_below(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """All files of the folders in which the names lie, each folder listed once."""
    for inner in sorted({str(Path(name).parent) for name in names}):
        if (folder / inner).is_dir():
            yield from (folder / inner).iterdir()


LAYOUTS = (
    Layout("COCO", lambda root: any(root.glob("annotations/instances_*.json")), _coco),
    Layout("PASCAL VOC", lambda root: (root / "SegmentationObject").is_dir(), _voc),
    *(_folders(images, masks) for images, masks in FOLDERS),
    Layout("Static", _is_static, _static),
    Layout("side by side", _is_beside, _beside),
)
