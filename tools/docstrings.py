"""How docstrings of this project are shown: what is said of each argument or field is an item of a list."""

import re

from griffe import Class, Docstring, Extension, Function


def itemized(text: str, names: set[str]) -> str:
    """`name: words. other, third: words. Raises Error.` as a list, and angle brackets as they are."""
    either = "|".join(sorted(map(re.escape, names))) or "(?!)"
    head = rf"(?:(?<=\n)|(?<=[.;)] )|^)((?:{either})(?:, (?:{either}))*):\s(?=\S)"
    parts = []
    for paragraph in text.replace("<", "&lt;").split("\n\n"):
        items = re.sub(head, r"\n- **\1**: ", paragraph)
        if items != paragraph:
            items = re.sub(r"(?<=[.;)])\s(Raises \w)", r"\n\n\1", items.replace("\n- ", "\n\n- ", 1))
        parts.append(items.strip("\n"))
    return "\n\n".join(parts)


class Itemized(Extension):
    """For the functions and classes of the page."""

    def on_function(self, *, func: Function, **_: object) -> None:
        """Arguments."""
        self._rewrite(func.docstring, {parameter.name for parameter in func.parameters})

    def on_class(self, *, cls: Class, **_: object) -> None:
        """Fields."""
        self._rewrite(cls.docstring, set(cls.members))

    def _rewrite(self, docstring: Docstring | None, names: set[str]) -> None:
        if docstring:
            docstring.value = itemized(docstring.value, names)
