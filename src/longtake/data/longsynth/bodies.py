"""What the videos show: bodies of jointed, rounded parts that swing as they move, each kind with its own build.

Lengths are in 1/256 of a body's radius, angles in 1/1024 of a turn. x goes right, the way a body looks, and y down.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from longtake.data.longsynth.integers import TURN, Dice

Colour = tuple[int, int, int]

MAIN, SECOND, ACCENT, DARK, LIGHT = range(5)
COLOURS: Mapping[str, Colour] = {
    "red": (214, 62, 52),
    "orange": (238, 148, 44),
    "yellow": (240, 212, 72),
    "blue": (58, 96, 196),
    "turquoise": (54, 182, 186),
    "violet": (138, 74, 176),
    "pink": (236, 138, 172),
    "white": (236, 234, 226),
}
PUPIL, IVORY = (34, 30, 34), (235, 225, 205)

PATTERNS = ("plain", "striped", "spotted", "patched")


@dataclass(frozen=True)
class Part:
    """An ellipse, or a box with round corners: it hangs on a joint at x, y, from which it reaches out."""

    x: int
    y: int
    along: int
    across: int
    angle: int = 0
    reach: int = 0
    """From the joint to the part's middle, in the direction of the angle."""
    swing: int = 0
    """How far the angle swings to each side."""
    phase: int = 0
    turns: int = 0
    """Whole turns for each round of the gait, as wheels make."""
    paint: int = MAIN
    box: bool = False


Build = tuple[Part, ...]


@dataclass(frozen=True)
class Body:
    """A body: of what category, how it is built, and how it is painted. Parts are drawn in their order."""

    category: str
    parts: Build
    paints: tuple[Colour, ...]
    pattern: str
    salt: int
    """Of its texture."""
    stands: bool
    """Whether it throws a shadow on the ground."""


def limb(
    x: int, y: int, length: int, width: int, angle: int, *, swing: int = 0, phase: int = 0, paint: int = MAIN
) -> Part:
    """A part that hangs on its end."""
    return Part(x, y, length, width, angle, reach=length - width // 2, swing=swing, phase=phase, paint=paint)


DOWN, LEFT = TURN // 4, TURN // 2


def _dog(dice: Dice) -> Build:
    legs = dice.between(58, 74)
    tail = limb(-140, -40, dice.between(50, 80), 18, LEFT + dice.between(40, 120), swing=60, phase=200, paint=SECOND)
    far = [limb(x, 30, legs, 25, DOWN, swing=95, phase=phase, paint=SECOND) for x, phase in ((100, 512), (-95, 0))]
    near = [limb(x, 40, legs + 6, 28, DOWN, swing=95, phase=phase) for x, phase in ((80, 0), (-115, 512))]
    head = [Part(165, -95, 62, 54, 40), Part(214, -78, 40, 28, 60, paint=SECOND), Part(244, -86, 12, 11, paint=DARK)]
    ear = limb(140, -130, dice.between(42, 60), 22, DOWN + 60, swing=30, paint=ACCENT)
    return (tail, *far, Part(0, 0, 160, dice.between(76, 94)), *near, *head, ear, Part(180, -108, 10, 11, paint=DARK))


def _person(dice: Dice) -> Build:
    arm, leg = dice.between(62, 74), dice.between(78, 90)
    arms = [
        limb(0, -86, arm, width, DOWN, swing=110, phase=phase, paint=ACCENT) for width, phase in ((22, 512), (24, 0))
    ]
    far = limb(5, 40, leg, 29, DOWN, swing=90, paint=SECOND)
    near = limb(-5, 40, leg, 31, DOWN, swing=90, phase=512, paint=SECOND)
    torso = Part(0, -22, 92, dice.between(54, 66), DOWN)
    head = [Part(6, -160, 50, 44, DOWN, paint=LIGHT), Part(-4, -186, 50, 30, 20, paint=DARK)]
    return (arms[0], far, near, torso, *head, arms[1])


def _car(dice: Dice) -> Build:
    roof, low = dice.between(96, 130), dice.between(52, 62)
    glass = [Part(-40, -66, 36, 30, paint=LIGHT, box=True), Part(44, -66, 34, 30, paint=LIGHT, box=True)]
    wheels = [
        part
        for x in (-118, 118)
        for part in (
            Part(x, 62, 50, 50, paint=DARK),
            Part(x, 62, 24, 24, paint=ACCENT),
            Part(x, 62, 44, 9, turns=1, paint=LIGHT),
        )
    ]
    body = [Part(0, -50, roof, 62, paint=SECOND, box=True), Part(0, 20, 215, low, box=True)]
    return (*body, *glass, *wheels, Part(205, 12, 16, 18, paint=LIGHT))


def _fish(dice: Dice) -> Build:
    tail = [limb(-130, 0, dice.between(72, 90), 36, LEFT + side, swing=70, paint=ACCENT) for side in (-90, 90)]
    fins = [limb(-10, side * 70, 70, 26, LEFT - side * 130, swing=30, phase=300, paint=SECOND) for side in (-1, 1)]
    trunk = Part(10, 0, 180, dice.between(92, 116))
    near = limb(30, 26, 62, 24, LEFT - 90, swing=110, phase=500, paint=SECOND)
    eye = [Part(120, -28, 25, 25, paint=LIGHT), Part(126, -28, 13, 13, paint=DARK)]
    return (*tail, *fins, trunk, Part(140, 22, 46, 36, paint=ACCENT), near, *eye)


def _bird(dice: Dice) -> Build:
    span = dice.between(105, 125)
    far = limb(10, -20, span - 10, 40, -DOWN - 60, swing=150, paint=SECOND)
    near = limb(0, -14, span, 48, -DOWN - 110, swing=150, paint=ACCENT)
    tail = [limb(-110, 10, 82, 26, LEFT + side, swing=25, paint=SECOND) for side in (-40, 40)]
    beak = limb(196, -52, 42, 16, 20, paint=LIGHT)
    eye = Part(176, -66, 11, 11, paint=DARK)
    return (far, *tail, Part(0, 10, 148, dice.between(66, 80), -30), beak, Part(160, -54, 56, 50), eye, near)


def _octopus(dice: Dice) -> Build:
    number, length = dice.between(7, 9), dice.between(88, 104)
    arms = [
        limb(
            (2 * k - number + 1) * 18,
            30,
            length,
            21,
            DOWN - (2 * k - number + 1) * 34,
            swing=75,
            phase=k * 300,
            paint=SECOND if k % 2 else MAIN,
        )
        for k in range(number)
    ]
    eyes = [
        part for x in (-46, 46) for part in (Part(x, -40, 28, 30, paint=LIGHT), Part(x + 6, -36, 14, 15, paint=DARK))
    ]
    return (*arms, Part(0, -70, 122, dice.between(128, 144)), Part(0, -170, 60, 26, paint=ACCENT), *eyes)


def _turtle(dice: Dice) -> Build:
    flippers = [
        limb(x, y, dice.between(74, 88), 32, angle, swing=100, phase=phase, paint=ACCENT)
        for x, y, angle, phase in ((85, -50, -170, 0), (85, 50, 170, 0), (-95, -45, -390, 512), (-95, 45, 390, 512))
    ]
    head = [Part(178, 0, 58, 44, paint=ACCENT), Part(200, -18, 10, 10, paint=DARK), Part(200, 18, 10, 10, paint=DARK)]
    shell = [Part(0, 0, 150, dice.between(108, 124), paint=SECOND), Part(-4, 0, 120, 84)]
    return (*flippers, *head, *shell)


BUILDERS: Mapping[str, Callable[[Dice], Build]] = {
    "dog": _dog,
    "person": _person,
    "car": _car,
    "fish": _fish,
    "bird": _bird,
    "octopus": _octopus,
    "turtle": _turtle,
}
"""Category -> build."""

STANDING = frozenset({"dog", "person", "car"})


def body(dice: Dice, category: str, paints: tuple[Colour, ...], pattern: str) -> Body:
    """A body of a category; each is built a little differently."""
    return Body(category, BUILDERS[category](dice), paints, pattern, dice.bits(), category in STANDING)


def look_alike(dice: Dice, of: Body, accent: Colour) -> Body:
    """Another of the same category, colours and pattern, built a little differently, with accents of its own colour."""
    paints = tuple(accent if k == ACCENT else paint for k, paint in enumerate(of.paints))
    return replace(of, parts=BUILDERS[of.category](dice), paints=paints)
