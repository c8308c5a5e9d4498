"""The protocols of the benchmarks, as data: which frames and objects count, how means are taken, what void means.

Each also names what its reference program does wrong; that is repeated only on demand (`as_published`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from longtake.errors import SettingError


class Defect(Enum):
    """A fault of a reference program, in words."""

    PHANTOMS = "ids below the largest of the first mask that no mask has count as objects that are always absent"
    WRAPPED_DECAY = "decay takes its quarters modulo 256, so it is wrong in sequences of more than 256 frames"
    NO_DECAY = "decay compares all frames with all frames, so it is always 0"
    ROUNDED = "the variance is rounded to 4 decimals before the root that gives V"
    LAST_STABILITY = "the V of all objects is the last object's"


Objects = Literal["foreground", "first mask", "metadata", "all"]
Window = Literal["video", "range", "since first"]

OBJECTS: Mapping[Objects, str] = {
    "foreground": "whatever is not background is one object",
    "first mask": "objects are the ids up to the largest of the first mask; larger ids, which come later, do not count",
    "metadata": "objects are those that the metadata lists",
    "all": "every id is an object, from its first mask on",
}
WINDOWS: Mapping[Window, str] = {
    "video": "all annotated frames of the video count",
    "range": "the frames in the range that the metadata gives an object count, absent or not (its end excluded)",
    "since first": "frames from an object's first mask to the video's last annotated frame count",
}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a benchmark scores."""

    name: str
    source: str
    """Whose rules they are."""
    objects: Objects
    window: Window
    skip_first: bool
    skip_last: bool
    """Whether the first and the last frame of the window are left out."""
    void: Literal["background", "ignored"] = "background"
    """What the value 255 means beside other ids: background, or pixels that count for nothing."""
    groups: Literal["seen and unseen videos", "seen and unseen categories"] | None = None
    """Means are taken over the objects of each group, then over the groups; over all objects where there are none."""
    stability: bool = False
    """Whether the temporal stability V is reported."""
    year: str | None = None
    """Whose lists of sequences a DAVIS folder is read by."""
    note: str = ""
    defects: tuple[Defect, ...] = ()
    repeats: tuple[Defect, ...] = ()
    """The defects that are repeated."""

    def as_published(self) -> "Protocol":
        """The protocol with all faults of its reference program."""
        return replace(self, repeats=self.defects)

    def rules(self) -> list[str]:
        """All of it in sentences."""
        ends = {
            (True, True): "first and last of them left out",
            (True, False): "the first of them left out",
            (False, True): "the last of them left out",
            (False, False): "none left out",
        }
        lines = [
            f"after {self.source}",
            OBJECTS[self.objects],
            f"{WINDOWS[self.window]}; {ends[self.skip_first, self.skip_last]}",
            "an object that is absent and not predicted scores 1, one that is absent and predicted has a J of 0",
        ]
        lines.append(
            "255 beside other ids is background"
            if self.void == "background"
            else "pixels of value 255 count for nothing"
        )
        mean = f"means over the objects of {self.groups}, then over the two" if self.groups else "means over objects"
        lines.append(f"{mean}; J&F is the mean of {'the four' if self.groups else 'J and F'}")
        if self.stability:
            lines.append("V is the standard deviation of (J + F) / 2 over an object's frames; lower is better")
        if self.note:
            lines.append(self.note)
        if self.defects:
            verb = "repeated" if self.repeats else "not repeated without --as-published"
            faults = "; ".join(defect.value for defect in self.defects)
            lines.append(f"faults of the reference program, {verb}: {faults}")
        return lines


_LVOS = Protocol(
    name="lvos-plain",
    source="the LVOS toolkit of October 2022",
    objects="metadata",
    window="range",
    skip_first=False,
    skip_last=False,
    stability=True,
    note="never repeated: the reference program fails under NumPy 2, stops at a missing file, and where frame_nums is "
    "larger than the range gives the rest a score of 0",
    defects=(Defect.ROUNDED, Defect.NO_DECAY, Defect.LAST_STABILITY),
)
_BY_VIDEO: Literal["seen and unseen videos"] = "seen and unseen videos"

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="davis2016",
            source="the DAVIS 2016 toolkit (Perazzi et al.)",
            objects="foreground",
            window="video",
            skip_first=True,
            skip_last=True,
            year="2016",
            defects=(Defect.WRAPPED_DECAY,),
        ),
        Protocol(
            name="davis2017",
            source="the DAVIS 2017 toolkit, semi-supervised",
            objects="first mask",
            window="video",
            skip_first=True,
            skip_last=True,
            year="2017",
            note="the reference program stops at ids that the first mask lacks; here they are named with their file",
            defects=(Defect.PHANTOMS, Defect.WRAPPED_DECAY),
        ),
        _LVOS,
        replace(
            _LVOS,
            name="lvos-v1",
            source="the LVOS toolkit of November 2022 (LVOS V1)",
            groups=_BY_VIDEO,
            note=f"{_LVOS.note}; with several processes its V of unseen videos holds those of seen ones",
            defects=(Defect.ROUNDED, Defect.NO_DECAY),
        ),
        replace(
            _LVOS,
            name="lvos-v2",
            source="the LVOS toolkit of May 2024 (LVOS V1 and V2)",
            skip_first=True,
            skip_last=True,
            groups=_BY_VIDEO,
            defects=(Defect.ROUNDED, Defect.NO_DECAY),
        ),
        Protocol(
            name="youtube-vos-proxy",
            source="the description of YouTube-VOS, whose scorer is not public",
            objects="all",
            window="since first",
            skip_first=True,
            skip_last=False,
            groups="seen and unseen categories",
            note="a proxy: the server's own choice of frames is not documented, so its figures may differ",
        ),
    )
}


def find_protocol(name: str, as_published: bool = False) -> Protocol:
    """The protocol of a name. Raises SettingError listing all."""
    if name not in PROTOCOLS:
        raise SettingError(f"--protocol {name}: not a protocol; use one of: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name].as_published() if as_published else PROTOCOLS[name]
