"""What the documents tell people to type: command lines, mentions of commands, Python, links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *(\w*)[^\n]*\n(.*?)^\1\2`*\s*?$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^(?:\.venv/bin/)?(longtake .*)$")
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def documents() -> list[Path]:
    """All Markdown that people read, but for halves of pages."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    systems = ROOT.glob("src/longtake/systems/*/README.md")
    return sorted({*found, *systems} - {ROOT / "docs/comparison/page.md"})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Line:
    """A command line, without its comment: where it is, how it reads, and its words after `longtake`."""

    place: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)[1:]


def fenced(text: str, *languages: str) -> Iterator[str]:
    """The fenced blocks in one of these languages."""
    return (block[4] for block in FENCE.finditer(text) if block[3] in languages)


def prose(text: str) -> str:
    """The text without blocks of code."""
    return re.sub(r"^ {4,}(?![-*\d]).*$", "", FENCE.sub("", text), flags=re.MULTILINE)


def command_lines(path: Path) -> list[Line]:
    """Lines of blocks, indented or fenced, that begin with `longtake`; a backslash joins the next one."""
    text = path.read_text(encoding="utf-8")
    blocks = "\n".join(fenced(text, "", "sh", "bash", "shell", "console"))
    indented = "\n".join(line for line in FENCE.sub("", text).splitlines() if re.match(" {4}|\t", line))
    joined = re.sub(r"\\\n\s*", "", f"{blocks}\n{indented}")
    found = (COMMAND.match(line.strip().removeprefix("$ ")) for line in joined.splitlines())
    return [Line(name_of(path), m[1]) for m in found if m]


def mentions(path: Path) -> list[list[str]]:
    """Words after `longtake` of what stands within a sentence."""
    spans = re.findall(r"(?<!`)`(?:\.venv/bin/)?longtake ([^`\n]+)`", prose(path.read_text(encoding="utf-8")))
    return [shlex.split(span) for span in spans]


def script(path: Path) -> str:
    """All Python of a page, as one."""
    return "\n".join(fenced(path.read_text(encoding="utf-8"), "python"))
