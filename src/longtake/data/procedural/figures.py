"""Bodies made of parts: persons, animals, vehicles, cycles, plants, buildings, and things of no kind.

A figure lies within about 0.36 of the middle of a unit square, so that limbs may swing and the whole may bend.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from longtake.data.procedural.outlines import Outline, Point, blob, box, limb, polygon, ring


@dataclass(frozen=True)
class Part:
    """One part: its outline and material; it swings about its joint, and with the part that it hangs from."""

    outline: Outline
    material: int
    joint: Point = (0.0, 0.0)
    swing: float = 0.0
    """Radians to either side."""
    phase: float = 0.0
    parent: int | None = None


@dataclass(frozen=True)
class Figure:
    """Parts from back to front."""

    parts: tuple[Part, ...]


def person(rng: np.random.Generator) -> Figure:
    """A head on a body with legs and arms of two parts each; materials: skin, hair, top, trousers, shoes."""
    wide, swing = rng.uniform(0.7, 1.5), rng.uniform(0.1, 0.7)
    hip, shoulder = 0.06 * wide, 0.085 * wide
    sleeve = int(rng.choice([0, 2]))
    parts: list[Part] = []
    for side, at in ((-1, 0.0), (1, np.pi)):
        _leg(parts, (side * hip * 0.6, 0.02), 0.17, 0.042 * wide, (swing, at))
    back, front = rng.permutation([-1, 1])
    _arm(parts, (back * shoulder, -0.17), 0.026 * wide, (swing, np.pi if back < 0 else 0.0), sleeve)
    torso = np.array([(-shoulder, -0.2), (-0.03, -0.225), (0.03, -0.225), (shoulder, -0.2), (hip, 0.04), (-hip, 0.04)])
    parts.append(Part(torso, 2))
    _head(rng, parts)
    _arm(parts, (front * shoulder, -0.17), 0.026 * wide, (swing, np.pi if front < 0 else 0.0), sleeve)
    return Figure(tuple(parts))


def _head(rng: np.random.Generator, parts: list[Part]) -> None:
    tilt, large = (0.0, -0.22), rng.uniform(0.85, 1.3)
    parts.append(Part(limb((0, -0.2), (0, -0.25), 0.022, 0.022), 0))
    radii = (0.05 * large, 0.062 * large)
    parts.append(Part(blob(rng, (0, -0.29), radii, 0.05), 0, tilt, 0.15, rng.uniform(0, 6)))
    hair = blob(rng, (rng.uniform(-0.01, 0.01), -0.315), (radii[0] * 1.1, radii[1] * rng.uniform(0.5, 1)), 0.2)
    parts.append(Part(hair, 1, tilt, 0.15, parts[-1].phase))


def _leg(parts: list[Part], hip: Point, long: float, thick: float, gait: tuple[float, float]) -> None:
    swing, phase = gait
    knee, foot = (hip[0], hip[1] + long), (hip[0], hip[1] + 1.9 * long)
    parts.append(Part(limb(hip, knee, thick, thick * 0.75), 3, hip, swing, phase))
    parts.append(Part(limb(knee, foot, thick * 0.7, thick * 0.5), 3, knee, swing * 0.8, phase + 1, len(parts) - 1))
    toe = (foot[0] + 0.04, foot[1] + 0.005)
    parts.append(Part(limb(foot, toe, thick * 0.6, thick * 0.5), 4, foot, 0.0, 0.0, len(parts) - 1))


def _arm(parts: list[Part], shoulder: Point, thick: float, gait: tuple[float, float], sleeve: int) -> None:
    swing, phase = gait
    elbow, hand = (shoulder[0] * 1.1, shoulder[1] + 0.12), (shoulder[0] * 1.15, shoulder[1] + 0.23)
    parts.append(Part(limb(shoulder, elbow, thick, thick * 0.85), 2, shoulder, swing, phase))
    parts.append(Part(limb(elbow, hand, thick * 0.8, thick * 0.8), sleeve, elbow, swing, phase + 0.5, len(parts) - 1))


def animal(rng: np.random.Generator) -> Figure:
    """A long body on four legs, neck, head, ears and tail; materials: coat, legs, head, ears and tail."""
    tall, long, fat = rng.uniform(0.1, 0.24), rng.uniform(0.17, 0.26), rng.uniform(0.07, 0.13)
    swing, thick = rng.uniform(0.1, 0.6), rng.uniform(0.018, 0.04)
    parts: list[Part] = []
    coats = [int(rng.choice([0, 0, kind])) for kind in (1, 2, 3)]
    for x, phase in ((-0.8, 0.0), (0.75, 2.0), (-0.7, 3.3), (0.85, 5.2)):
        hip = (x * long, fat * 0.4)
        knee, foot = (hip[0], hip[1] + tall * 0.55), (hip[0], hip[1] + tall)
        parts.append(Part(limb(hip, knee, thick * 1.6, thick), coats[0], hip, swing, phase))
        parts.append(Part(limb(knee, foot, thick, thick * 0.7), coats[0], knee, swing, phase + 1, len(parts) - 1))
        if len(parts) == 4:
            _trunk(rng, parts, long, fat, coats)
    return Figure(tuple(parts))


def _trunk(rng: np.random.Generator, parts: list[Part], long: float, fat: float, coats: list[int]) -> None:
    tip = (-long - rng.uniform(0.03, 0.12), rng.uniform(-0.15, 0.12))
    parts.append(Part(limb((-long, -fat * 0.4), tip, 0.02, 0.012), coats[2], (-long, -fat * 0.4), 0.5, 1.0))
    parts.append(Part(blob(rng, (0, 0), (long * 1.1, fat), 0.15), 0))
    neck, nape = (long * 0.9, -fat * 0.3), (long + rng.uniform(0.02, 0.09), -fat - rng.uniform(-0.04, 0.12))
    parts.append(Part(limb(neck, nape, fat * 0.7, fat * 0.45), 0, neck, 0.15, 0.0))
    hangs = len(parts) - 1
    head = blob(rng, (nape[0] + 0.03, nape[1]), (0.075, fat * 0.55), 0.15)
    parts.append(Part(head, coats[1], nape, 0.2, 2.0, hangs))
    ear = limb((nape[0], nape[1] - fat * 0.4), (nape[0] - 0.01, nape[1] - fat * 0.4 - 0.05), 0.02, 0.008)
    parts.append(Part(ear, coats[2], nape, 0.2, 2.0, hangs))


def vehicle(rng: np.random.Generator) -> Figure:
    """A body and a cabin with windows on wheels; materials: paint, glass, tyre, hub, lights."""
    low, roof = rng.uniform(0.02, 0.08), rng.uniform(-0.2, -0.08)
    front, back = rng.uniform(0.05, 0.3), rng.uniform(-0.33, -0.1)
    lean = rng.uniform(0.02, 0.12)
    parts = [Part(box(back, roof, front, low, lean), 0)]
    panes = int(rng.integers(1, 5))
    edges = np.linspace(back + lean * 0.8 + 0.02, front - lean * 0.8, panes + 1)
    for left, right in pairwise(edges):
        parts.append(Part(box(left, roof + 0.02, right - 0.015, low - 0.01, rng.uniform(0, 0.02)), 1))
    body = blob(rng, (0, (low + 0.13) / 2), (0.36, (0.13 - low) / 2 + 0.02), 0.05, 12)
    parts.append(Part(body if rng.random() < 0.5 else box(-0.35, low, 0.35, 0.13, rng.uniform(-0.01, 0.04)), 0))
    parts.append(Part(box(0.31, low + 0.02, 0.345, low + 0.05), 4))
    radius = rng.uniform(0.05, 0.085)
    for x in (-0.22, 0.22):
        parts.append(Part(blob(rng, (x, 0.13), (radius, radius)), 2))
        parts.append(Part(blob(rng, (x, 0.13), (radius * 0.55, radius * 0.55), 0.3, 10), 3, (x, 0.13), 6.0))
    return Figure(tuple(parts))


def cycle(rng: np.random.Generator) -> Figure:
    """Two wheels that one can look through, a thin frame, and mostly a rider; materials as a person's."""
    radius, thin, y = rng.uniform(0.1, 0.15), rng.uniform(0.008, 0.02), 0.2
    back, front = (-0.2, y), (0.2, y)
    seat, bar, pedal = (-0.08, 0.0), (0.15, -0.04), (0.0, y - 0.02)
    parts = [Part(ring(at, radius, rng.uniform(0.015, 0.04)), 4) for at in (back, front)]
    bars = ((back, seat), (seat, bar), (bar, front), (seat, pedal), (pedal, back), (pedal, bar))
    parts += [Part(limb(start, end, thin, thin), 1) for start, end in bars]
    if rng.random() < 0.75:
        hip, shoulder, knee = (-0.08, -0.03), (0.04 + rng.normal(0, 0.03), -0.2), (0.06, 0.06)
        swing = (hip, rng.uniform(0.0, 0.3))
        parts.append(Part(limb(hip, knee, 0.045, 0.035), 3, *swing))
        parts.append(Part(limb(knee, (0.0, y - 0.02), 0.035, 0.025), 3, knee, 0.2, 1.0, len(parts) - 1))
        parts.append(Part(limb(hip, shoulder, 0.05, 0.06), 2))
        parts.append(Part(limb(shoulder, bar, 0.028, 0.02), 2))
        parts.append(Part(blob(rng, (shoulder[0] + 0.03, shoulder[1] - 0.09), (0.045, 0.055), 0.05), 0))
    return Figure(tuple(parts))


def thing(rng: np.random.Generator) -> Figure:
    """One to five blobs, polygons and limbs that hang together, some of which swing."""
    aspect = float(np.exp(rng.normal(0, 0.35)))
    radii = (min(0.33, 0.26 * aspect), min(0.33, 0.26 / aspect))
    parts = [Part(_lump(rng, (0, 0), radii), 0)]
    for index in range(int(rng.choice([0, 0, 1, 2, 3, 5]))):
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.04, 0.15)
        at = (0.8 * radii[0] * np.cos(angle), 0.8 * radii[1] * np.sin(angle))
        inside = rng.random() < 0.4
        centre = (0.5 * at[0], 0.5 * at[1]) if inside else at
        outline = _lump(rng, centre, (size, size * rng.uniform(0.4, 1.5)))
        swing = 0.0 if inside or rng.random() < 0.4 else rng.uniform(0.1, 0.8)
        joint = (0.6 * at[0], 0.6 * at[1])
        parts.append(Part(outline, (1 + index) % 4, joint, swing, rng.uniform(0, 6)))
    # one of them behind the middle
    return Figure((*parts[1:2], parts[0], *parts[2:]))


def _lump(rng: np.random.Generator, centre: Point, radii: Point) -> Outline:
    if rng.random() < 0.65:
        return blob(rng, centre, radii, rng.choice([0.0, 0.25, 0.6]))
    return polygon(rng, centre, radii)


def plant(rng: np.random.Generator) -> Figure:
    """A bush or a tree: clumps of leaves about a stem."""
    parts = [Part(limb((0, 0.36), (rng.normal(0, 0.03), -0.1), 0.03, 0.02), 2)]
    for _ in range(int(rng.integers(5, 12))):
        centre = (rng.normal(0, 0.13), rng.normal(-0.08, 0.11))
        size = rng.uniform(0.05, 0.14)
        outline = blob(rng, centre, (size, size), 0.9)
        parts.append(Part(outline, int(rng.integers(2)), (0.0, 0.3), rng.uniform(0, 0.06), rng.uniform(0, 6)))
    return Figure(tuple(parts))


def building(rng: np.random.Generator) -> Figure:
    """A box with rows of windows, which also does for shelves, crates and screens."""
    wide, tall = rng.uniform(0.1, 0.34), rng.uniform(0.1, 0.34)
    parts = [Part(box(-wide, -tall, wide, tall), 0)]
    rows, columns = rng.integers(0, 4), rng.integers(1, 5)
    gap = rng.uniform(0.2, 0.6)
    for row in range(rows):
        for column in range(columns):
            x, y = 2 * wide * ((column + 0.5) / columns - 0.5), 2 * tall * ((row + 0.5) / rows - 0.5)
            half, high = wide / columns * (1 - gap), tall / rows * (1 - gap)
            parts.append(Part(box(x - half, y - high, x + half, y + high), 1))
    return Figure(tuple(parts))


def pole(rng: np.random.Generator) -> Figure:
    """A post, trunk or bar, upright and thin."""
    thick = rng.uniform(0.015, 0.07)
    parts = [Part(limb((0, 0.42), (rng.normal(0, 0.02), -0.42), thick, thick * rng.uniform(0.5, 1)), 0)]
    if rng.random() < 0.3:
        parts.append(Part(_lump(rng, (0, -0.3), (0.1, 0.08)), 1))
    return Figure(tuple(parts))


Family = Callable[[np.random.Generator], Figure]

MOVERS: tuple[tuple[float, Family], ...] = (
    (0.27, person),
    (0.22, animal),
    (0.15, vehicle),
    (0.08, cycle),
    (0.28, thing),
)
STANDERS: tuple[tuple[float, Family], ...] = (
    (0.15, person),
    (0.1, animal),
    (0.1, vehicle),
    (0.25, thing),
    (0.2, plant),
    (0.2, building),
)
SCREENS: tuple[tuple[float, Family], ...] = ((0.4, pole), (0.35, plant), (0.1, building), (0.15, thing))


def draw_family(rng: np.random.Generator, families: tuple[tuple[float, Family], ...]) -> Family:
    """One family by weight."""
    return families[rng.choice(len(families), p=[weight for weight, _ in families])][1]
