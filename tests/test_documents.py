"""Documents that tools write hold what the tools would write now."""

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from longtake.annotate.editors import Editors
from longtake.annotate.project import Project

ROOT = Path(__file__).parent.parent
ANNOTATE = ROOT / "docs/annotate.md"


@pytest.mark.parametrize(
    ("tool", "documents"),
    [
        ("comparison", ("docs/comparison.md", "README.md")),
        ("model_cards", ("docs/models.md",)),
        ("synth_ranks", ("docs/synth.md", "README.md")),
    ],
)
def test_tables_are_those_of_the_figures_beside_them(tool: str, documents: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    subprocess.run([sys.executable, str(ROOT / f"tools/{tool}.py")], cwd=tmp_path, check=True)
    for document in documents:
        assert (tmp_path / document).read_text() == (ROOT / document).read_text(), f"run: python tools/{tool}.py"


def test_the_keys_are_those_of_the_page() -> None:
    script = (files("longtake.annotate") / "static/keys.js").read_text(encoding="utf-8")
    for name, sign in {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}.items():
        script = script.replace(f"Arrow{name}", sign)
    due = list[str]()
    for group, commands in re.findall(r"^  (\w+): \[\n(.*?)^  \]", script, re.DOTALL | re.MULTILINE):
        due.append(f"| **{group}** | |")
        for words, keys in re.findall(r'command\(\s*"[^"]+",\s*"([^"]+)",\s*\[((?:"[^"]+",? ?)+)\]', commands):
            names = " or ".join(f"`{key}`" for key in re.findall(r'"([^"]+)"', keys))
            due.append(f"| {names} | {words} |")
    assert len(due) == script.count(" command(") + len(re.findall(r"^  \w+: \[$", script, re.MULTILINE)) > 50
    _, _, table = ANNOTATE.read_text(encoding="utf-8").partition("## Keys")
    assert table.partition("|---|---|\n")[2].partition("\n\n")[0].splitlines() == due


def test_the_query_reads_a_project(folder_clip: tuple[Path, Path], tmp_path: Path) -> None:
    frames, masks = folder_clip
    with closing(Project(tmp_path / "project", Editors())) as project:
        desk = project.desk(project.add(frames, masks))
        desk.describe(1, {"name": "left one"})
        desk.annotation.accept(0)
    found = re.search(r"```sql\n(.*?)```", ANNOTATE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    with closing(sqlite3.connect(tmp_path / "project/project.sqlite")) as base:
        rows = base.execute(found[1]).fetchall()
    video, frame, thing, name, origin, confidence, file = rows[0]
    assert (video, frame, thing, name, origin, confidence) == ("frames", 0, 1, "left one", "accepted", 1.0)
    assert (tmp_path / "project" / file).is_file()
    assert {row[4] for row in rows} == {"accepted", "given"}


def test_pictures_are_there_and_small() -> None:
    named = set(re.findall(r"\((pictures/[^)]+)\)", ANNOTATE.read_text(encoding="utf-8")))
    assert named == {f"pictures/{path.name}" for path in (ROOT / "docs/pictures").glob("annotate-*")}
    assert sum((ROOT / "docs" / name).stat().st_size for name in named) < 300_000
