"""The site is built without a warning, and every link leads somewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from documented import FENCE, LINK, ROOT, documents, name_of
from longtake.evaluation.protocols import PROTOCOLS

DOCS = ROOT / "docs"
OWN = [path for path in documents() if "systems/" not in name_of(path) or path.is_relative_to(DOCS)]


class Page(HTMLParser):
    """What a page names: places of its own, other files."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places, self.links, self.inside = set[str](), list[str](), ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {value for key in ("id", "name") if (value := named.get(key))}
        if tag == "link" and named.get("rel") == "canonical":
            return
        self.links += [value for key in ("href", "src") if (value := named.get(key))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("zensical", "mkdocstrings_handlers", "latex2mathml"):
        pytest.importorskip(package, reason="the builder of the docs is not installed: pip install 'longtake[docs]'")
    out = tmp_path_factory.mktemp("docs") / "site"
    words = [sys.executable, str(ROOT / "tools/build_docs.py"), "--out", str(out)]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in (built.stdout + built.stderr).lower()
    return out


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 40
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if path.name == "404.html" or parts.scheme in ("mailto", "data") or link in (".", "#"):
                continue
            assert not parts.netloc, f"{path.relative_to(site)} leads out of the site: {link}"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].places, f"{path.relative_to(site)}: {link}"


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    for system in ("stm", "dtmnet", "dmn-aoa", "lstnet", "ddmemory"):
        html = (site / f"systems/{system}.html").read_text(encoding="utf-8")
        assert html.count('display="block"') >= 2
        assert "$" not in re.sub(r"<(script|code|pre).*?</\1>", "", html, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The places of a Markdown file, as its headings name them where the repository is shown."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_links_lead_somewhere_in_the_repository(path: Path) -> None:
    for _, link in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (path.parent / parts.path).resolve() if parts.path else path
        assert target.exists(), f"{name_of(path)}: {link}"
        assert target.is_relative_to(ROOT), f"{name_of(path)}: {link}"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{name_of(path)}: {link}"


def test_all_pages_are_in_the_navigation_and_no_others() -> None:
    named = set(re.findall(r"^ +- .*: ([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert named == {str(path.relative_to(DOCS)) for path in documents() if path.is_relative_to(DOCS)}


def test_what_a_page_says_is_in_a_file_is_there() -> None:
    """A link in code style names a class or function of the file that it leads to."""
    count = 0
    for path in documents():
        for name, link in re.findall(r"\[`(\w+)`\]\(([^)#]+\.py)\)", path.read_text(encoding="utf-8")):
            source = (path.parent / link).read_text(encoding="utf-8")
            assert re.search(rf"^(class|def) {name}\b", source, re.MULTILINE), f"{name_of(path)}: {name}"
            count += 1
    assert count > 30


def test_figures_are_those_that_the_tool_draws(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools/memory_figures.py"), str(tmp_path)], check=True)
    for path in tmp_path.rglob("*.svg"):
        due = (DOCS / path.relative_to(tmp_path)).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8") == due, "run: python tools/memory_figures.py"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_figures_of_systems_are_those_of_the_comparison() -> None:
    rows = (cells(line) for line in (DOCS / "comparison.md").read_text().splitlines() if line.startswith("| "))
    measured = {row[1]: row for row in rows if len(row) == 9 and row[1].startswith("`")}
    found = 0
    for path in DOCS.glob("systems/*.md"):
        for row in (cells(line) for line in path.read_text().splitlines() if line.startswith("| `")):
            if row[0] in measured:
                _, _, both, region, contour, _, long, back, _ = measured[row[0]]
                assert row[1:] == [both, region, contour, long, back], f"{name_of(path)}: {row[0]}"
                found += 1
    assert found == len(measured)


def test_rules_of_protocols_are_those_that_are_printed() -> None:
    page = (DOCS / "protocols.md").read_text(encoding="utf-8")
    for protocol in PROTOCOLS.values():
        due = "\n".join(f"- {rule}" for rule in protocol.rules())
        assert f"### `{protocol.name}`\n\n{due}\n" in page
