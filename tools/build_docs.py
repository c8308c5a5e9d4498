"""Build the site of the docs: `python tools/build_docs.py [--out site]`, which `make docs` calls.

The pages link to files of the repository, as they do where that is shown. On the site each such file is a page
of its own, so that no link leads out.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(?=[)\s#])")
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
LEFT_OUT = {Path("docs/comparison/page.md")}
"""Halves of pages, from which tools write the whole."""


def staged(path: Path) -> Path:
    """Where on the site a file of the repository has its page, relative to the pages' folder."""
    if path.parts[0] == "docs":
        return path.relative_to("docs")
    return Path("source") / (path if path.suffix in {"", ".md"} else f"{path}.md")


def page(path: Path, met: set[Path]) -> str:
    """A file of the repository as Markdown; files that it links to are added to those that were met."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix != ".md":
        head = f"---\nsearch: {{exclude: true}}\n---\n\n# `{path}`\n\n"
        return f'{head}``` {LANGUAGES.get(path.suffix, "text")} linenums="1"\n{text}\n```\n'

    def lead(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(path.parent / link[1]))
        target = target / "README.md" if (ROOT / target).is_dir() else target
        if not (ROOT / target).is_file() or target.parts[0] == "..":
            return link[1]  # the builder says that it leads nowhere
        met.add(target)
        return os.path.relpath(staged(target), staged(path).parent)

    return LINK.sub(lead, text)


def stage(folder: Path) -> None:
    """All pages, and all that they link to, in a folder."""
    due = {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*") if path.is_file()} - LEFT_OUT
    done = set[Path]()
    while due - done:
        path = min(due - done)
        done.add(path)
        place = folder / staged(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md" or path.parts[0] != "docs":
            place.write_text(page(path, due), encoding="utf-8")
        else:
            shutil.copy(ROOT / path, place)


def build(out: Path) -> None:
    """Build the site in place of what is in a folder; raises CalledProcessError where the builder complains."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        stage(work / "docs")
        settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
        (work / "mkdocs.yml").write_text(settings.replace("paths: [src]", f"paths: [{ROOT / 'src'}]"), encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", work / "mkdocs.yml"],
            env=os.environ | {"PYTHONPATH": str(ROOT / "tools"), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
        )
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(work / "site", out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    build(parser.parse_args().out)
