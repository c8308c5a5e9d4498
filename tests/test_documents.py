"""Documents that tools write hold what the tools would write now."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("tool", "documents"),
    [("comparison", ("docs/comparison.md", "README.md")), ("model_cards", ("docs/models.md",))],
)
def test_tables_are_those_of_the_figures_beside_them(tool: str, documents: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    subprocess.run([sys.executable, str(ROOT / f"tools/{tool}.py")], cwd=tmp_path, check=True)
    for document in documents:
        assert (tmp_path / document).read_text() == (ROOT / document).read_text(), f"run: python tools/{tool}.py"
