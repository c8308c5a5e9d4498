"""The example notebooks run from their first cell to their last, and hold what they show."""

import warnings
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples/notebooks").glob("*.ipynb"))


def test_there_are_some() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["follow", "measure", "train"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that run notebooks
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.read(path, 4)
        assert all(cell.outputs for cell in notebook.cells if "print(" in cell.source and cell.cell_type == "code")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
