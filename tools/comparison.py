"""Write docs/comparison.md, and the table of the README, from what lies in docs/comparison: nothing is measured here.

    python tools/comparison.py

There lie a summary of each run as tools/five_memories.py keeps it (SYSTEM-SEED.json; SYSTEM-SEED-WHAT.json of an
ablation), costs.json of benchmarks/costs.py, and page.md, the text, with a name in the place of each table.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

FOLDER, PAGE, README = Path("docs/comparison"), Path("docs/comparison.md"), Path("README.md")
SYSTEMS = {"stm": "STM", "ddmemory": "DDMemory", "dtmnet": "DTMNet", "lstnet": "LSTNet", "dmn-aoa": "DMN-AOA"}
MARKS = "<!-- comparison -->\n", "<!-- end of comparison -->\n"


@dataclass(frozen=True)
class Run:
    """A trained system: what was switched ("" for nothing), and what was kept of it."""

    system: str
    seed: int
    switched: str
    kept: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{SYSTEMS[self.system]} {self.seed}"

    @property
    def file(self) -> str:
        """The name of its summary."""
        return "-".join(filter(None, (self.system, str(self.seed), self.switched)))

    @property
    def commit(self) -> str:
        """Of the code that trained it; marked where that had changes not committed yet, or other code resumed it."""
        facts = self.kept["commit"]
        odd = facts["changed"] or any("other code" in each for stop in self.kept["resumed"] for each in stop["changes"])
        return facts["commit"][:9] + (" *" if odd else "")


def read_runs() -> list[Run]:
    """Every run, in the order in which the systems are listed."""
    pattern = re.compile(rf"({'|'.join(SYSTEMS)})-(\d+)(?:-(.+))?")
    found = [(pattern.fullmatch(path.stem), path) for path in sorted(FOLDER.glob("*.json"))]
    runs = [Run(m[1], int(m[2]), m[3] or "", json.loads(path.read_text())) for m, path in found if m]
    return sorted(runs, key=lambda run: (list(SYSTEMS).index(run.system), run.switched, run.seed))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def spanned(scores: Mapping[str, Any], figure: str) -> str:
    """A figure, and what holds 95 % of the draws of videos."""
    low, high = scores["intervals"][figure]
    return f"{scores['all'][figure]:.3f} ({low:.2f} to {high:.2f})"


def mean_after_return(run: Run) -> float:
    """J after the absences of a run's long clips."""
    after = run.kept["long"]["J_after_return"].values()
    return sum(after) / len(after)


def accuracy(runs: Sequence[Run]) -> str:
    """The figures of all runs on equal terms."""
    rows = [
        [
            SYSTEMS[run.system],
            f"`{run.file}`",
            *(spanned(run.kept["holdout"], figure) for figure in ("J&F", "J", "F")),
            f"{run.kept['validation'][-1]['J&F']:.3f}",
            spanned(run.kept["long"], "J&F"),
            f"{mean_after_return(run):.3f}",
            run.commit,
        ]
        for run in runs
    ]
    return table(["system", "run", "J&F", "J", "F", "J&F select", "J&F long", "J after a return", "commit"], rows)


def by_object(runs: Sequence[Run], where: str) -> str:
    """J of every object."""
    rows = [
        [name, *(f"{run.kept[where]['objects'][name]['J']:.3f}" for run in runs)]
        for name in runs[0].kept[where]["objects"]
    ]
    return table(["", *(run.name for run in runs)], rows)


def commands(runs: Sequence[Run]) -> str:
    """What trained and measured each run."""
    rows = []
    for run in runs:
        own = run.kept["recipe"]["options"]
        trained = "".join(f" --set options.{key}={value}" for key, value in own.items())
        name = f" --name {run.file}" if trained else ""
        rows.append(
            [
                f"`{run.file}`",
                run.commit,
                f"`five_memories.py train {run.system} SHARED RUNS --seed {run.seed}{trained}{name}`",
                "<br>".join(f"`{command}`" for command in run.kept["commands"].values()),
            ]
        )
    return table(["run", "commit", "trained by", "measured by"], rows)


def costs(found: Mapping[str, Any]) -> str:
    """What a frame costs; seconds scaled to the machine that bars are meant for."""
    scale, rows = found["gflops"] / found["reference_gflops"], []
    for name, system in SYSTEMS.items():
        each = found["models"][f"{name}-mobilenet-v2"]
        early, late = each["growth"].values()
        growth = f"time {late['seconds'] / early['seconds']:.2f}, memory {late['megabytes'] / early['megabytes']:.2f}"
        for number, (objects, of) in enumerate(each["at_480p"].items()):
            first = number == 0
            rows.append(
                [
                    system if first else "",
                    f"{each['parameters'] / 1e6:.1f} M" if first else "",
                    objects,
                    f"{of['multiply_adds'] / 1e9:.0f} G",
                    f"{of['seconds'] * scale:.2f}",
                    f"{of['peak_bytes'] / 1e6:.0f} MB",
                    growth if first else "",
                ]
            )
    head = [
        "system",
        "parameters",
        "objects",
        "multiply-adds",
        "seconds per frame",
        "peak memory",
        "growth with length",
    ]
    return table(head, rows)


def ablations(runs: Sequence[Run], switched: Sequence[Run]) -> str:
    """The runs with something switched, beside those of the same seed without."""
    whole, rows = {run.name: run for run in runs}, []
    for run in switched:
        figures = []
        for where in ("holdout", "long"):
            own, other = (each.kept[where]["all"]["J&F"] for each in (run, whole[run.name]))
            figures.append(f"{own:.3f} ({own - other:+.3f})")
        rows.append([SYSTEMS[run.system], run.switched.replace("-", " "), *figures, run.commit])
    return table(["system", "switched", "J&F", "J&F long", "commit"], rows)


def main() -> None:
    """Write both files."""
    runs = read_runs()
    whole = [run for run in runs if not run.switched]
    recipe, found = whole[0].kept["recipe"], json.loads((FOLDER / "costs.json").read_text())
    stages, shape = recipe["stages"], recipe["stages"][0]["shapes"][0]
    words = {
        "stages": " and ".join(f"{stage['steps']} steps ({stage['name']})" for stage in stages),
        "batch": stages[0]["batch"],
        "frames": shape["frames"],
        "seen": f"{sum(stage['steps'] * stage['batch'] for stage in stages) * shape['frames']:,}",
        "hours": ", ".join(f"{run.name} {run.kept['losses']['seconds'][0] / 3600:.1f}" for run in whole),
        "threads": found["threads"],
        "accuracy": accuracy(whole),
        "holdout": by_object(whole, "holdout"),
        "long": by_object(whole, "long"),
        "costs": costs(found),
        "commit": found["commit"][:9],
        "commands": commands(runs),
        "ablations": ablations(whole, [run for run in runs if run.switched]),
    }
    PAGE.write_text(Template((FOLDER / "page.md").read_text()).substitute(words))
    before, rest = README.read_text().split(MARKS[0])
    README.write_text(before + MARKS[0] + accuracy(whole) + "\n" + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    main()
