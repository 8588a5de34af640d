"""Violations: counted by kind, shown as a table of 80 columns, written as JSON."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

NAME_COLUMNS = 21


class Kind(StrEnum):
    """What can be wrong; the words of the table's head."""

    LOST = "lost"
    """Accepted and not there, running and not told, or a change that was not told."""
    DUPLICATED = "duplicated"
    """Two containers of one session, two sessions of one key, a session nobody asked for."""
    ORPHANED = "orphaned"
    """A container, file, mount or process without its session."""
    MISORDERED = "mis-ordered"
    """Told in another order than it happened, or twice."""
    KILLED = "wrongly killed"
    """Ended although nobody ended it, or somebody else's container touched."""
    UNTRUE = "untrue"
    """Anything else that is told and is not so, or was asked for and is not done."""


SHORT = {
    Kind.LOST: "lost",
    Kind.DUPLICATED: "dupl",
    Kind.ORPHANED: "orph",
    Kind.MISORDERED: "order",
    Kind.KILLED: "killed",
    Kind.UNTRUE: "untrue",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong, as a sentence."""

    kind: Kind
    text: str


@dataclass(slots=True)
class Line:
    """One line of the table: a scenario, or all core rounds."""

    name: str
    rounds: int = 0
    sessions: int = 0
    faults: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    note: str = ""
    """Said below the table: how far a scenario was scaled down, say."""

    def count(self, kind: Kind) -> int:
        """How many of that kind."""
        return sum(1 for each in self.violations if each.kind is kind)


class Tally:
    """All lines so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lines: list[Line] = []
        self._begun = time.monotonic()

    @property
    def violations(self) -> list[Violation]:
        """Of all lines."""
        return [each for line in self.lines for each in line.violations]

    def table(self) -> str:
        """The tally for people."""
        kinds = "".join(f"{SHORT[kind]:>7}" for kind in Kind)
        head = f"{'':{NAME_COLUMNS}}{'rnds':>5}{'sess':>5}{'faults':>7}{kinds}"
        rows = [head, *(_row(line) for line in self.lines)]
        if len(self.lines) > 1:
            rows.append(_row(self._total()))
        notes = [f"{line.name}: {line.note}" for line in self.lines if line.note]
        spent = time.monotonic() - self._begun
        verdict = f"{len(self.violations)} violations" if self.violations else "nothing is wrong"
        return "\n".join([*rows, "", *notes, f"seed {self.seed}, {spent:.0f} s: {verdict}"])

    def document(self) -> dict[str, Any]:
        """The tally for programs."""
        return {
            "seed": self.seed,
            "seconds": round(time.monotonic() - self._begun, 1),
            "total": {kind.value: self._total().count(kind) for kind in Kind},
            "lines": [asdict(line) for line in self.lines],
        }

    def _total(self) -> Line:
        total = Line("total", violations=self.violations)
        for line in self.lines:
            total.rounds += line.rounds
            total.sessions += line.sessions
            total.faults += line.faults
        return total


def _row(line: Line) -> str:
    counts = "".join(f"{line.count(kind):>7}" for kind in Kind)
    name = line.name[:NAME_COLUMNS]
    return f"{name:{NAME_COLUMNS}}{line.rounds:>5}{line.sessions:>5}{line.faults:>7}{counts}"
