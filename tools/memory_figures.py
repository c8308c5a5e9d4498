"""Draw the figures of the systems' pages and of the contract into docs: `python tools/memory_figures.py [FOLDER]`.

One language for all: time goes from left to right, a frame's way from top to bottom. Blue and square is what is encoded
of a frame, orange and round what is remembered, below the frames it comes from; green and cut is how frame t reads.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = """
  svg { color-scheme: light dark; }
  text { font: 15px system-ui, sans-serif; fill: #24242b; text-anchor: middle; }
  text.side { text-anchor: start; font-weight: 600; } text.small { font-size: 13px; }
  .box { stroke-width: 2; fill: #ffffff; }
  .encoded { stroke: #0072b2; fill: #e8f2f9; } .remembered { stroke: #b35c00; fill: #fdf1e0; }
  .read { stroke: #00785a; fill: #e4f4ef; } .frame { stroke: #55555f; fill: #f3f3f6; }
  .given { fill: #b35c00; } .found { fill: none; stroke: #00785a; stroke-width: 2; stroke-dasharray: 4 3; }
  .way { stroke: #55555f; stroke-width: 1.8; fill: none; } .later { stroke-dasharray: 6 4; }
  marker path { fill: #55555f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8e8ee; } .encoded { stroke: #56b4e9; fill: #16303f; } .remembered { stroke: #f0a84b; fill: #3d2c14; }
    .read { stroke: #3ccfa4; fill: #123a30; } .frame { stroke: #a5a5b0; fill: #2a2a33; } .given { fill: #f0a84b; }
    .found { stroke: #3ccfa4; } .way { stroke: #a5a5b0; } marker path { fill: #a5a5b0; }
  }
"""

WIDTH = 960
COLUMNS = {"1": (126, 250), "between": (266, 420), "last": (436, 560), "t": (620, 944)}
TOP, ENCODED, ROWS, HEIGHT, STEP = 44, 138, 216, 56, 78
"""Where frames, encodings and the first row are, how high a box is, and how far apart rows are."""


@dataclass(frozen=True)
class Row:
    """What is remembered, each from one column to another, and how frame t reads it."""

    reads: tuple[str, ...]
    remembered: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Figure:
    """A system: names and encodings of the columns (none where a column is not encoded), and its rows."""

    title: str
    frames: dict[str, str]
    encoded: dict[str, tuple[str, ...]]
    rows: tuple[Row, ...]


def text(x: float, y: float, lines: Sequence[str], kind: str = "") -> str:
    """Lines about a place."""
    first = y - 9 * (len(lines) - 1) + 5
    return "".join(f'<text class="{kind}" x="{x}" y="{first + 18 * k}">{escape(s)}</text>' for k, s in enumerate(lines))


def box(kind: str, x0: float, x1: float, y: float, lines: Sequence[str], height: float = HEIGHT) -> str:
    """A box of a kind: encoded is square, remembered is round, read has its corners cut."""
    if kind == "read":
        cut, y1 = 12, y + height
        path = f"M{x0 + cut} {y}H{x1 - cut}L{x1} {y + cut}V{y1 - cut}L{x1 - cut} {y1}"
        path += f"H{x0 + cut}L{x0} {y1 - cut}V{y + cut}Z"
        shape = f'<path class="box read" d="{path}"/>'
    else:
        round_ = {"remembered": 20, "encoded": 0, "frame": 5}[kind]
        shape = f'<rect class="box {kind}" x="{x0}" y="{y}" width="{x1 - x0}" height="{height}" rx="{round_}"/>'
    return shape + text((x0 + x1) / 2, y + height / 2, lines)


def way(path: str, kind: str = "") -> str:
    """An arrow."""
    return f'<path class="way {kind}" d="{path}" marker-end="url(#head)"/>'


def svg(height: float, title: str, parts: Sequence[str]) -> str:
    """The file."""
    marker = (
        '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10Z"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<defs>{marker}</defs>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def film(column: str, name: str) -> list[str]:
    """A frame of the film, with the object where it is by then."""
    x0, x1 = COLUMNS[column]
    middle, place = (x0 + x1) / 2, {"1": -14, "between": -4, "last": 6, "t": 14}[column]
    frames = [-8, 0, 8] if column == "between" else [0]
    drawn = [
        f'<rect class="box frame" x="{middle - 34 + d}" y="{TOP - 24 + d / 2}" width="68" height="48" rx="5"/>'
        for d in frames
    ]
    mark = "found" if column == "t" else "given"
    drawn.append(
        f'<ellipse class="{mark}" cx="{middle + place + frames[-1]}" cy="{TOP + frames[-1] / 2}" rx="10" ry="14"/>'
    )
    return [*drawn, text(middle, TOP + 42, [name], "small")]


def drawn(figure: Figure) -> str:
    """A system's figure."""
    t0, t1 = COLUMNS["t"]
    parts = [
        text(0, y, [word], "side")
        for y, word in ((TOP, "frames"), (ENCODED + 22, "encoded"), (ROWS + 28, "remembered"))
    ]
    parts.append(text((t0 + t1) / 2 + 100, TOP, ["reads, from top", "to bottom"], "small"))
    last = ROWS + STEP * len(figure.rows)
    boxes, ways = list[str](), list[str]()
    for column, name in figure.frames.items():
        parts += film(column, name)
    for column, lines in figure.encoded.items():
        x0, x1 = COLUMNS[column]
        boxes.append(box("encoded", x0, x1, ENCODED, lines, 44))
        ways.append(way(f"M{(x0 + x1) / 2} {TOP + 52}V{ENCODED - 2}"))
        kept = [
            k
            for k, row in enumerate(figure.rows)
            for a, b, _ in row.remembered
            if COLUMNS[a][0] <= x0 and x1 <= COLUMNS[b][1]
        ]
        if kept:
            ways.append(way(f"M{(x0 + x1) / 2} {ENCODED + 44}V{ROWS + STEP * max(kept) - 2}"))
    for k, row in enumerate(figure.rows):
        y = ROWS + STEP * k
        boxes.append(box("read", t0, t1, y, row.reads))
        ways.append(way(f"M{(t0 + t1) / 2} {y - (34 if k == 0 else STEP - HEIGHT)}V{y - 2}"))
        for a, b, lines in row.remembered:
            boxes.append(box("remembered", COLUMNS[a][0], COLUMNS[b][1], y, lines))
        if row.remembered:
            end = COLUMNS[row.remembered[-1][1]][1]
            ways.append(way(f"M{end} {y + HEIGHT / 2}H{t0 - 3}"))
        if len(row.remembered) > 1:
            between = COLUMNS[row.remembered[0][1]][1], COLUMNS[row.remembered[1][0]][0]
            ways.append(f'<path class="way" d="M{between[0]} {y + HEIGHT / 2}H{between[1]}"/>')
    boxes.append(box("frame", t0, t1, last, ["masks of frame t"], 40))
    ways.append(way(f"M{(t0 + t1) / 2} {last - (STEP - HEIGHT)}V{last - 2}"))
    newest = max(k for k, row in enumerate(figure.rows) if any(end == "last" for _, end, _ in row.remembered))
    ways.append(way(f"M{t0} {last + 20}H498V{ROWS + STEP * newest + HEIGHT + 3}", "later"))
    parts.append(text(498, last + 36, ["remembered, for frame t + 1"], "small"))
    return svg(last + 50, figure.title, [*parts, *ways, *boxes])


FIGURES = {
    "stm": Figure(
        "STM: keys and values of kept frames, read by attention",
        {"1": "1, given", "between": "every 5th", "last": "t - 1", "t": "t"},
        {
            "1": ("key, value",),
            "between": ("key, value",),
            "last": ("key, value",),
            "t": ("query key, value, skips",),
        },
        (
            Row(
                ("attention: which of the remembered", "positions look like this one?"),
                (("1", "last", ("keys of all kept frames",)),),
            ),
            Row(
                ("their values, weighted,", "beside the frame's own"),
                (("1", "last", ("values of all kept frames, with the masks",)),),
            ),
            Row(("decoder with skips",)),
        ),
    ),
    "dtmnet": Figure(
        "DTMNet: a graph over the last frames, a vector per object, the reference",
        {"1": "1, given", "between": "2 ... t - 2", "last": "t - 1", "t": "t"},
        {"1": ("features",), "between": ("features",), "last": ("features",), "t": ("features, skips",)},
        (
            Row(
                ("short term: features smoothed", "along the graph's edges"),
                (("between", "last", ("features and edges", "of the last k frames")),),
            ),
            Row(
                ("long term: an attention map,", "each place times the vector"),
                (("1", "last", ("one gated vector per object, updated", "by what lies under its mask")),),
            ),
            Row(("beside them, the frame", "in which the object was given"), (("1", "1", ("reference,", "its mask")),)),
            Row(("decoder with skips",)),
        ),
    ),
    "dmn-aoa": Figure(
        "DMN-AOA: crops of objects, proposals aligned to a template, a refinement",
        {"1": "1, given", "between": "every 5th", "last": "t - 1", "t": "t"},
        {
            "1": ("crop, mask",),
            "between": ("crop, mask",),
            "last": ("crop, mask",),
            "t": ("crop at the last box; proposals",),
        },
        (
            Row(
                ("dynamic memory: a template of how", "the object should look now"),
                (("1", "last", ("keys and values of the object's crops",)),),
            ),
            Row(("proposals aligned to the template,", "and matched: a coarse mask")),
            Row(
                ("refinement by both frames,", "brought into line with frame t"),
                (("1", "1", ("whole frame,", "mask")), ("last", "last", ("whole frame,", "mask"))),
            ),
        ),
    ),
    "lstnet": Figure(
        "LSTNet: masks carried by optical flow, gated by a relation to the first frame",
        {"1": "1, given", "between": "not kept", "last": "t - 1", "t": "t"},
        {"1": ("features",), "t": ("features",)},
        (
            Row(
                ("optical flow carries each", "object's last mask to frame t"),
                (("last", "last", ("last frame,", "its masks")),),
            ),
            Row(
                ("long term: frames 1 and t related", "globally, all objects at once"),
                (("1", "1", ("deepest", "features")),),
            ),
            Row(("short term: near features of", "each object's carried mask")),
            Row(
                (
                    "gate: what of the short term the",
                    "long term lets through; decoder",
                )
            ),
        ),
    ),
    "ddmemory": Figure(
        "DDMemory: three banks of fixed size, read by AOT's transformer",
        {"1": "1, given", "between": "2 ... t - 2", "last": "t - 1", "t": "t"},
        {
            "1": ("keys, values",),
            "between": ("keys, values",),
            "last": ("keys, values",),
            "t": ("queries, skips",),
        },
        (
            Row(
                ("long-term attention", "over both"),
                (("1", "1", ("reference",)), ("between", "between", ("global: a gated", "unit over them"))),
            ),
            Row(("short-term attention", "in windows of 15 x 15"), (("last", "last", ("local",)),)),
            Row(("both added, feed-forward;", "three such layers")),
            Row(("pyramid decoder:", "ten identities in one pass")),
        ),
    ),
}


def contract() -> str:
    """One step: what goes in, what happens, what comes out."""
    y0, y1, y2 = 60, 180, 300
    chain = [
        ("encode", "encoded", 150, 290, ("encode", "once a frame")),
        ("segment", "read", 330, 470, ("segment", "each cohort")),
        ("merge", "read", 510, 630, ("merge", "by odds")),
        ("feedback", "frame", 670, 810, ("feedback,", "given masks")),
    ]
    parts = [text(0, y0, ["pixels"], "side"), text(0, y1 + 28, ["a step"], "side"), text(0, y2 + 28, ["state"], "side")]
    parts += [box(kind, x0, x1, y1, lines) for _, kind, x0, x1, lines in chain]
    parts += [box("frame", 150, 290, y0 - 28, ("frame t",)), box("frame", 510, 630, y0 - 28, ("prediction",))]
    parts += [box("frame", 670, 810, y0 - 28, ("prompt, or none",))]
    parts += [box("remembered", 150, 470, y2, ("memories of the cohorts after t - 1",))]
    parts += [
        box("encoded", 670, 810, y2, ("memorize", "by a plan")),
        box("remembered", 850, 956, y2, ("memories", "after t")),
    ]
    middle = y1 + HEIGHT / 2
    parts += [way(f"M{a} {middle}H{b - 3}") for a, b in ((290, 330), (470, 510), (630, 670))]
    parts += [way(f"M220 {y0 + 28}V{y1 - 3}"), way(f"M570 {y1}V{y0 + 31}"), way(f"M740 {y0 + 28}V{y1 - 3}")]
    parts += [way(f"M400 {y2}V{y1 + HEIGHT + 3}"), way(f"M740 {y1 + HEIGHT}V{y2 - 3}")]
    parts += [way(f"M470 {y2 + 28}H667"), way(f"M810 {y2 + 28}H847")]
    parts += [way(f"M903 {y2 + HEIGHT}V{y2 + HEIGHT + 30}H310V{y2 + HEIGHT + 3}", "later")]
    parts += [text(606, y2 + HEIGHT + 46, ["passed in with frame t + 1, or kept to step back to"], "small")]
    return svg(y2 + HEIGHT + 58, "The contract of a system: memory is passed in, and a new one comes back", parts)


def write(folder: Path) -> None:
    """All figures, into the folder of the docs."""
    (folder / "systems").mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        (folder / f"systems/{name}.svg").write_text(drawn(figure), encoding="utf-8")
    (folder / "contract.svg").write_text(contract(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs")
