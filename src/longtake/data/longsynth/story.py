"""What happens in the videos of a seed: who is there when, where each body goes, and what makes it hard.

In every video one object is away for more than a quarter of the time, and meanwhile its look-alike is there; a third
object grows and shrinks; one object comes late. Times are frames; places and sizes thousandths of the frame's height
or width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from longtake.data.longsynth.bodies import COLOURS, IVORY, PATTERNS, PUPIL, Body, Colour, body, look_alike
from longtake.data.longsynth.ground import SCENES
from longtake.data.longsynth.integers import Dice, glide, sine
from longtake.data.longsynth.painting import Pose
from longtake.errors import SettingError

FRAMES, HEIGHT, WIDTH = 420, 160, 288
RATE = 4
"""Frames per second."""

SHORTEST = 60

ALWAYS = ("DEF", "LR", "OV", "SV", "LRA", "CTC")
SOMETIMES = ("BC", "FM", "OCC", "DB", "SC", "AC")
ORDER = ("BC", "DEF", "MB", "FM", "LR", "OCC", "OV", "SV", "DB", "SC", "AC", "LRA", "CTC")
"""Attributes of LVOS, table 2: those of every video, those of one or two of the three of a seed, and their order."""

LIKENESS = {"meadow": ("dog", "person"), "street": ("car", "person"), "sea": ("fish",)}
SOLE = ("bird", "turtle", "fish")
UNSEEN = "sea"


@dataclass(frozen=True)
class Stay:
    """A time in which a body is there, its end excluded: keys (time, value) of x, y and radius."""

    start: int
    end: int
    across: Sequence[tuple[int, int]]
    down: Sequence[tuple[int, int]]
    sizes: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Actor:
    """A body in a video; id 0 for one that is no object."""

    id: int
    body: Body
    stays: Sequence[Stay]
    pace: int
    """Of its gait, a frame."""
    spin: int = 0
    """Angle a frame; where it is 0 the body rocks."""
    caption: str = ""

    def at(self, time: int, height: int, width: int) -> Pose | None:
        """None where it is away."""
        stay = next((stay for stay in self.stays if stay.start <= time < stay.end), None)
        if stay is None:
            return None
        x, y, size = (glide(keys, time) for keys in (stay.across, stay.down, stay.sizes))
        angle = self.spin * time if self.spin else 26 * sine(time * 19) >> 12
        left = next((second < first for (_, first), (end, second) in pairwise(stay.across) if time < end), False)
        return Pose(
            x * width * 256 // 1000,
            y * height * 256 // 1000,
            size * height * 256 // 1000,
            angle,
            self.pace * time,
            left,
        )


@dataclass(frozen=True)
class Story:
    """A video."""

    name: str
    scene: str
    salt: int
    frames: int
    height: int
    width: int
    actors: Sequence[Actor]
    """From back to front."""
    posts: Sequence[int]
    """Places of what stands in front, in thousandths of the frame's width."""
    attributes: tuple[str, ...]

    @property
    def objects(self) -> Mapping[int, Actor]:
        """Those with an id."""
        return {actor.id: actor for actor in sorted(self.actors, key=lambda actor: actor.id) if actor.id}


def stories(seed: int, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> list[Story]:
    """The three videos of a seed. Raises SettingError where they would be too short or small."""
    if seed < 0 or frames < SHORTEST or height < 64 or width < 64:
        raise SettingError(
            f"seed {seed}, {frames} frames of {width}x{height}: a seed is 0 or more, and there are "
            f"{SHORTEST} frames of 64x64 pixels or more"
        )
    dice = Dice(seed)
    hard = {attribute: dice.between(1, 6) for attribute in SOMETIMES}
    return [
        _story(
            Dice(dice.bits()),
            f"{scene}-{seed}",
            scene,
            frozenset(name for name, videos in hard.items() if videos >> k & 1),
            (frames, height, width),
        )
        for k, scene in enumerate(SCENES)
    ]


def _story(dice: Dice, name: str, scene: str, hard: frozenset[str], size: tuple[int, int, int]) -> Story:
    frames, height, width = size
    kind = "octopus" if "SC" in hard else dice.choice(LIKENESS[scene])
    paints, words = _paints(dice, scene, hard)
    first = body(dice, kind, paints, dice.choice(PATTERNS))
    accent, other = _other_accent(dice, paints, scene, hard)
    second = look_alike(dice, first, accent)
    paints, own = _paints(dice, scene, hard)
    third = body(dice, dice.choice([each for each in SOLE if each != kind]), paints, dice.choice(PATTERNS))
    times = _times(dice, frames)
    low, high = (430, 680) if "OCC" in hard else (610, 720)
    pair = [_Way(dice, frames, (low, high), (215, 285), 24) for _ in range(2)]
    sole = _Way(dice, frames, (300, 560) if "OCC" in hard else (230, 330), (115, 330), 6 if "FM" in hard else 28)
    spin = 13 if "AC" in hard else 0
    captions = (
        f"the {first.pattern} {kind} with {words[2]} accents that is there from the beginning",
        f"the {second.pattern} {kind} with {other} accents that comes while its look-alike is away",
        f"the {third.pattern} {third.category} in {own[0]} and {own[1]}"
        if "BC" not in hard
        else f"the dull {third.pattern} {third.category}",
    )
    actors = [
        _passer(dice, scene, frames),
        Actor(1, first, [pair[0].stay(*span) for span in times[0]], dice.between(70, 110), caption=captions[0]),
        Actor(2, second, [pair[1].stay(*span) for span in times[1]], dice.between(70, 110), caption=captions[1]),
        Actor(
            3,
            third,
            [sole.stay(*span, first=(480, 540)) for span in times[2]],
            dice.between(60, 110),
            spin,
            captions[2],
        ),
    ]
    posts = [dice.between(620, 720), dice.between(1250, 1400), dice.between(1900, 2050)] if "OCC" in hard else []
    attributes = tuple(each for each in ORDER if each in hard or each in ALWAYS)
    return Story(name, scene, dice.bits(), frames, height, width, actors, posts, attributes)


def _times(dice: Dice, frames: int) -> tuple[Sequence[tuple[int, int]], ...]:
    """When the three objects are there. The look-alikes take turns, once or twice; one object comes late."""

    def at(share: int) -> int:
        return (share + dice.between(-10, 10)) * frames // 1000

    if dice.between(0, 1):
        a, b, c, d = at(180), at(470), at(750), at(370)
        gap = max(2, frames // 60)
        return [(0, a), (b + gap, c)], [(a + gap, b), (c + gap, frames)], [(d, frames)]
    a, b, c, d = at(360), at(660), at(200), at(500)
    gap = max(2, frames // 60)
    return [(0, a), (b + gap, frames)], [(a + gap, b)], [(0, c), (d, frames)]


@dataclass(frozen=True)
class _Way:
    """How a body goes about: within a band of heights, at sizes from low to high, a new aim every `pace` frames."""

    dice: Dice
    frames: int
    band: tuple[int, int]
    sizes: tuple[int, int]
    pace: int

    def stay(self, start: int, end: int, first: tuple[int, int] = (200, 260)) -> Stay:
        """It comes in from a side and leaves to a side, but for the video's beginning and end.

        first: where it may be in the video's first frame.
        """
        enter = max(3, self.frames // 60)
        time, last = start + enter, end - enter if end < self.frames else end
        side = self.dice.between(0, 1)
        across = [(start, self._outside() if start else self.dice.between(*first))]
        down = [(start, self.dice.between(*self.band))]
        while time < last:
            across.append((time, self.dice.between(170, 350) if side else self.dice.between(650, 830)))
            down.append((time, self.dice.between(*self.band)))
            side = 1 - side if self.pace < 10 or self.dice.between(0, 2) else side
            time += max(4, self.pace + self.dice.between(-self.pace // 6, self.pace // 6))
        if end < self.frames:
            across.append((max(end, across[-1][0] + 1), self._outside()))
        return Stay(start, end, across, down, self._scales(start, end))

    def _outside(self) -> int:
        return -300 if self.dice.between(0, 1) else 1300

    def _scales(self, start: int, end: int) -> list[tuple[int, int]]:
        """Small and large in turn; from one to the other it takes two fifteenths of the video."""
        low, high = self.sizes
        step, large = max(8, self.frames * 2 // 15), self.dice.between(0, 1)
        keys = list[tuple[int, int]]()
        for time in range(start, end + step, step):
            keys.append((time, high - self.dice.between(0, 12) if large else low + self.dice.between(0, 8)))
            large = 1 - large
        return keys


def _paints(dice: Dice, scene: str, hard: frozenset[str]) -> tuple[tuple[Colour, ...], list[str]]:
    """Main, second, accent, and the colours of eyes; and the names of the first three."""
    if "BC" in hard:
        own = list(SCENES[scene].colours)
        chosen = [own.pop(dice.between(0, len(own) - 1)) for _ in range(3)]
        return (*chosen, PUPIL, IVORY), ["dull"] * 3
    names = list(COLOURS)
    words = [names.pop(dice.between(0, len(names) - 1)) for _ in range(3)]
    return (*(COLOURS[word] for word in words), PUPIL, IVORY), words


def _other_accent(dice: Dice, paints: tuple[Colour, ...], scene: str, hard: frozenset[str]) -> tuple[Colour, str]:
    """A colour that the look-alike has and the other has not."""
    if "BC" in hard:
        return dice.choice([colour for colour in SCENES[scene].colours if colour not in paints]), "other dull"
    word = dice.choice([word for word, colour in COLOURS.items() if colour not in paints])
    return COLOURS[word], word


def _passer(dice: Dice, scene: str, frames: int) -> Actor:
    """A body that is no object, farther away, in the colours of the scene."""
    paints, _ = _paints(dice, scene, frozenset({"BC"}))
    floor = SCENES[scene].floor
    way = _Way(dice, frames, (floor - 60, floor + 60), (90, 120), 40)
    spans = [(frames * 8 // 100, frames * 40 // 100), (frames * 55 // 100, frames * 88 // 100)]
    return Actor(0, body(dice, dice.choice(SOLE), paints, "plain"), [way.stay(*span) for span in spans], 80)
