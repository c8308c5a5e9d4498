"""What can be hard in a video: the thirteen attributes of LVOS (Hong et al., table 2), extended from those of DAVIS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Codes = tuple[str, ...]
"""Attributes of a video by their codes, in the order of the table; those that it lacks after them, by name."""


@dataclass(frozen=True)
class Attribute:
    """A row of the table. masks: how masks tell of it; empty where they cannot."""

    code: str
    name: str
    definition: str
    masks: str = ""


ATTRIBUTES: Mapping[str, Attribute] = {
    attribute.code: attribute
    for attribute in (
        Attribute("BC", "background clutter", "background and object look alike"),
        Attribute("DEF", "deformation", "the object deforms complexly"),
        Attribute("MB", "motion blur", "fast motion of object or camera blurs its boundary"),
        Attribute(
            "FM",
            "fast motion",
            "the object moves by more than 20 pixels per frame",
            "mean distance of its centroids in consecutive frames with it, above 20 pixels",
        ),
        Attribute(
            "LR",
            "low resolution",
            "the mean ratio of the object's box to the image is below 0.1",
            "mean area of its box over that of the image, in the frames with it, below 0.1",
        ),
        Attribute("OCC", "occlusion", "the object is partly or fully occluded"),
        Attribute(
            "OV",
            "out-of-view",
            "the object leaves the frame completely",
            "a frame without it after its first one; so hidden objects count as well",
        ),
        Attribute(
            "SV",
            "scale variation",
            "the areas of any two of the object's boxes have a ratio outside of [0.5, 2]",
            "its largest box has more than twice the area of its smallest",
        ),
        Attribute("DB", "dynamic background", "regions of the background deform"),
        Attribute("SC", "shape complexity", "the object's boundary is complex"),
        Attribute("AC", "appearance change", "rotation or light change how the object looks"),
        Attribute(
            "LRA",
            "long-term reappearance",
            "the object reappears after at least 100 frames without it",
            "at least 100 annotated frames without it, between two with it",
        ),
        Attribute(
            "CTC",
            "cross-temporal confusion",
            "there are others like the object that do not appear at the same time",
            "two objects of one category that are in no frame together; look-alikes without masks are missed",
        ),
    )
}
"""By code, in the order of the table."""


def in_order(codes: Iterable[str]) -> Codes:
    """Codes, or names of attributes, as codes, each once."""
    names = {attribute.name: code for code, attribute in ATTRIBUTES.items()}
    places = {code: place for place, code in enumerate(ATTRIBUTES)}
    found = {names.get(code.strip().lower(), code.strip().upper()) for code in codes} - {""}
    return tuple(sorted(found, key=lambda code: (places.get(code, len(places)), code)))
