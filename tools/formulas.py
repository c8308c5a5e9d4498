"""Formulas of the docs, $...$ and $$...$$ as GitHub reads them, become MathML, which browsers draw without a script."""

import re
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

INLINE = r"(?<![\\$\w])\$(?![\s$])([^$\n]+?)(?<![\s\\])\$(?![\w$])"


class Inline(InlineProcessor):
    """$formula$ within a line."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ElementTree.Element, int, int]:  # noqa: N802
        return convert_to_element(m[1]), m.start(0), m.end(0)


class Display(BlockProcessor):
    """A paragraph between $$ and $$."""

    def test(self, parent: ElementTree.Element, block: str) -> bool:
        return block.strip().startswith("$$") and block.strip().endswith("$$")

    def run(self, parent: ElementTree.Element, blocks: list[str]) -> None:
        around = ElementTree.SubElement(parent, "div", {"class": "formula"})
        around.append(convert_to_element(blocks.pop(0).strip().strip("$").strip(), display="block"))


class Formulas(Extension):
    """Both kinds, after code and before emphasis."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.inlinePatterns.register(Inline(INLINE, md), "formula", 185)
        md.parser.blockprocessors.register(Display(md.parser), "formulas", 95)


def makeExtension(**settings: Any) -> Formulas:  # noqa: N802
    """What Markdown calls."""
    return Formulas(**settings)
