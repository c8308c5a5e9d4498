"""What an examination found."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """Facts by name; problems, which longtake would stop at or get wrong; notes, which are good to know."""

    subject: str
    kind: str
    facts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """All of it, for reading."""
        width = max(map(len, self.facts), default=0)
        lines = [f"{self.subject}: {self.kind}"]
        lines += [f"  {name:<{width}}  {fact}" for name, fact in self.facts.items()]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  PROBLEM: {problem}" for problem in self.problems]
        return "\n".join([*lines, _count(len(self.problems))])


def _count(problems: int) -> str:
    return "no problems" if not problems else "1 problem" if problems == 1 else f"{problems} problems"
