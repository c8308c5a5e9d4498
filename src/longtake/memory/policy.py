"""Which frames a memory keeps: integers in, integers out, no tensors.

A policy sees what a memory holds and what has just happened, and names the entries that the memory consists of
afterwards. The frame just seen is among them or not; where it is not, nothing is computed for it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from longtake.errors import SettingError

Event = Literal["predicted", "given", "disturbed", "joined"]
"""joined: given, and new objects among the memory's own; disturbed: a prompt took pixels from the memory's objects."""
Role = Literal["first", "given", "sampled", "recent"]
Entry = tuple[int, Role]


@dataclass(frozen=True)
class Held:
    """An entry that a memory holds: the step it was written at, its role, and its size in bytes."""

    time: int
    role: Role
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What to do with the frame of step `time`: its role, and the entries that stay, itself included or not."""

    time: int
    role: Role
    kept: tuple[Entry, ...]

    @property
    def writes(self) -> bool:
        """Whether the frame itself is to be remembered."""
        return (self.time, self.role) in self.kept


class Policy(ABC):
    """Decides what a memory keeps. An entry of role recent never outlives the next write.

    Frames are sampled by their distance from the oldest entry, so that an object given late is followed as in a video
    that begins there.
    """

    def plan(self, time: int, event: Event, held: Sequence[Held]) -> Plan:
        """The plan for the frame of step `time`; `held` is in the order of writing."""
        role: Role = self._predicted_role(time - held[0].time if held else 0)
        if event != "predicted":
            role = "given" if held and event != "joined" else "first"
        lasting = [entry for entry in held if entry.role != "recent"]
        return Plan(time, role, tuple(self._kept(time, role, lasting)))

    def among(self, share: float, beside: int = 0) -> "Policy":
        """The policy for one of several memories: its share of all objects, its bytes that are no entries'."""
        return self

    @property
    def most(self) -> int | None:
        """How many entries there are at most while only a first frame is given; None where nothing says so."""
        return None

    def _predicted_role(self, age: int) -> Role:
        return "recent"

    @abstractmethod
    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        """The entries that stay; `lasting` holds no recent one."""


def _entries(held: Sequence[Held]) -> list[Entry]:
    return [(entry.time, entry.role) for entry in held]


@dataclass(frozen=True)
class First(Policy):
    """Only frames that a person gave; with `previous` also the frame before the current one (STM, table 5).

    maximum: how many of those that brought no new object, the newest; None is all of them.
    """

    previous: bool = False
    maximum: int | None = None

    @property
    def most(self) -> int:
        return 1 + self.previous

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        if role not in ("first", "given"):
            return [*_entries(lasting), *([(time, role)] if self.previous else [])]
        entries = [*_entries(lasting), (time, role)]
        crowded = [entry for entry in entries if entry[1] == "given"]
        crowded = [] if self.maximum is None else crowded[: -self.maximum]
        return [entry for entry in entries if entry not in crowded]


@dataclass(frozen=True)
class Previous(Policy):
    """Only the frame before the current one (STM, table 5)."""

    @property
    def most(self) -> int:
        return 1

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        return [(time, role)]


@dataclass(frozen=True)
class Every(Policy):
    """First, previous and each N-th frame (STM, section 3.6), of the last kind and of later given ones the newest MAX.

    maximum None is the paper's rule: unbounded.
    """

    interval: int = 5
    maximum: int | None = None

    @property
    def most(self) -> int | None:
        return None if self.maximum is None else self.maximum + 2

    def _predicted_role(self, age: int) -> Role:
        return "sampled" if age % self.interval == 0 else "recent"

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        entries = [*_entries(lasting), (time, role)]
        if self.maximum is None:
            return entries
        crowded = {
            kind: [entry for entry in entries if entry[1] == kind][: -self.maximum] for kind in ("sampled", "given")
        }
        return [entry for entry in entries if entry not in crowded.get(entry[1], ())]


@dataclass(frozen=True)
class Capped(Policy):
    """Each N-th frame until there are MAX; from then on the newest takes the place of the one before it (LVOS).

    So the oldest stay, and the newest does: the authors' patch for methods whose memory grows, with MAX 6 (section
    5.1). MAX counts the first frame; the previous frame stands beside, as in `Every`. Frames that a person gave later
    take places too, the newest MAX of them, but one sampled frame always remains.
    """

    interval: int
    maximum: int

    @property
    def most(self) -> int:
        return self.maximum + 1

    def _predicted_role(self, age: int) -> Role:
        return "sampled" if age % self.interval == 0 else "recent"

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        entries = [*_entries(lasting), (time, role)]
        gone = [entry for entry in entries if entry[1] == "given"][: -self.maximum]
        sampled = [entry for entry in entries if entry[1] == "sampled"]
        others = sum(entry[1] in ("first", "given") for entry in entries) - len(gone)
        gone += sampled[max(1, self.maximum - others) - 1 : -1]
        return [entry for entry in entries if entry not in gone]


@dataclass(frozen=True)
class Newest(Policy):
    """The newest N frames."""

    count: int

    @property
    def most(self) -> int:
        return self.count

    def _predicted_role(self, age: int) -> Role:
        return "sampled"

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        return [*_entries(lasting), (time, role)][-self.count :]


@dataclass(frozen=True)
class All(Policy):
    """Every frame: grows with the video."""

    def _predicted_role(self, age: int) -> Role:
        return "sampled"

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        return [*_entries(lasting), (time, role)]


@dataclass(frozen=True)
class Budget(Policy):
    """Another policy's entries as far as they fit into so many bytes.

    Where they don't, sampled frames go first, the oldest of them before the others; then the previous frame, then those
    that a person gave. The first frame stays. By default the first, the previous and each fifth frame are kept.

    beside: bytes of the limit that are taken by what is no entry. strict: raise SettingError where the first frame
    alone is too large.
    """

    limit: int
    rule: Policy = Every(5)
    beside: int = 0
    strict: bool = False

    @property
    def most(self) -> int | None:
        return self.rule.most

    def among(self, share: float, beside: int = 0) -> "Budget":
        return replace(self, limit=int(self.limit * share), beside=beside)

    def _predicted_role(self, age: int) -> Role:
        return self.rule._predicted_role(age)

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        return self.fitting(self.rule._kept(time, role, lasting), lasting)

    def fitting(self, entries: Sequence[Entry], held: Sequence[Held]) -> list[Entry]:
        """Those of the entries that fit; one that is not held yet takes as much as the largest that is."""
        known = {(entry.time, entry.role): entry.bytes for entry in held}
        sizes = [known.get(entry, max(known.values(), default=0)) for entry in entries]
        room = self.limit - self.beside
        if self.strict and entries and sizes[0] > room:
            raise SettingError(
                f"a memory of {_words(self.limit)} cannot hold one frame: that takes {_words(sizes[0])}, and "
                f"{_words(self.beside)} are in use beside it; ask for more (--memory budget:SIZE is shared out among "
                "all objects)"
            )
        order = _leaving(entries)
        while order and sum(sizes) > room:
            sizes[order.pop(0)] = 0
        return [entry for k, entry in enumerate(entries) if k == 0 or k in order]


@dataclass(frozen=True)
class AtMost(Policy):
    """Another policy's entries, at most so many; those that are too many leave in the order in which a budget's do."""

    count: int
    rule: Policy

    @property
    def most(self) -> int:
        return self.count

    def among(self, share: float, beside: int = 0) -> "AtMost":
        return replace(self, rule=self.rule.among(share, beside))

    def _predicted_role(self, age: int) -> Role:
        return self.rule._predicted_role(age)

    def _kept(self, time: int, role: Role, lasting: Sequence[Held]) -> list[Entry]:
        entries = self.rule._kept(time, role, lasting)
        left = _leaving(entries)[: max(0, len(entries) - self.count)]
        return [entry for k, entry in enumerate(entries) if k not in left]


def _leaving(entries: Sequence[Entry]) -> list[int]:
    """Places of all entries but the first, in the order in which they are given up."""
    order = ("sampled", "recent", "given", "first")
    return sorted(range(1, len(entries)), key=lambda k: order.index(entries[k][1]))


def _words(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 10**6 else f"{size / 1e3:.0f} KB"


def slots_for(policy: Policy) -> int:
    """As how many frames memory is to be read where that is fixed: as many as the policy keeps, or 8."""
    return policy.most or 8


_FORMS = "first | previous | first+previous | every:N[:MAX] | lvos:N:MAX | all | newest:N | budget:2GB"
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_policy(text: str) -> Policy:
    """The policy that `--memory` names. Raises SettingError on any other text."""
    fixed = {"first": First(), "previous": Previous(), "first+previous": First(previous=True), "all": All()}
    if text in fixed:
        return fixed[text]
    if match := re.fullmatch(r"every:([1-9]\d*)(?::([1-9]\d*))?", text):
        return Every(int(match[1]), int(match[2]) if match[2] else None)
    if match := re.fullmatch(r"lvos:([1-9]\d*):([2-9]|[1-9]\d+)", text):
        return Capped(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"newest:([1-9]\d*)", text):
        return Newest(int(match[1]))
    if match := re.fullmatch(r"budget:(\d+(?:\.\d+)?)(|KB|MB|GB)", text, re.IGNORECASE):
        return Budget(int(float(match[1]) * _UNITS[match[2].upper()]), strict=True)
    raise SettingError(f"--memory {text}: not a memory policy; use one of: {_FORMS}")
