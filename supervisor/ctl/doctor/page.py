"""Results as people read them, and as programs do."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from supervisor.ctl.doctor.checks import Check
from supervisor.ctl.doctor.examination import Result
from supervisor.ctl.doctor.finding import Verdict
from supervisor.ctl.text import plain

_SIGNS = {
    Verdict.OK: ("\u2713", "+", "green"),
    Verdict.WARNING: ("!", "!", "bold yellow"),
    Verdict.FAULT: ("\u2717", "X", "bold red"),
    Verdict.SKIPPED: ("-", "-", "dim"),
}
"""Where the terminal can show it, where it cannot, and in which style."""
_WORDS = {Verdict.FAULT: "FAULT: ", Verdict.WARNING: "warning: "}
_NAME_COLUMNS = 19
_LEGIBLE = 40


def page_lines(results: Sequence[Result], width: int, *, ascii_only: bool) -> list[Text]:
    """Groups, a line or two per check, what to do below those that need it, a summary."""
    lines: list[Text] = []
    for group, members in groupby(results, key=lambda result: result.check.group):
        lines.append(Text(group, style="bold"))
        for result in members:
            lines.extend(_result_lines(result, width, ascii_only=ascii_only))
    return [*lines, Text(), _summary(results)]


def _result_lines(result: Result, width: int, *, ascii_only: bool) -> Iterator[Text]:
    finding = result.finding
    nice, coarse, style = _SIGNS[finding.verdict]
    room = max(_LEGIBLE, width)
    margin = " " * (_NAME_COLUMNS + 7)
    told = _wrapped(_WORDS.get(finding.verdict, "") + finding.found, room, margin, margin)
    sign = coarse if ascii_only else nice
    name = f"  {result.check.name:<{_NAME_COLUMNS}}  "
    yield Text.assemble("  ", (sign, style), name, told[0].removeprefix(margin))
    yield from map(Text, told[1:])
    yield from map(Text, _wrapped(finding.advice, room, f"{margin}-> ", f"{margin}   "))


def _wrapped(text: str, width: int, first: str, margin: str) -> list[str]:
    return textwrap.wrap(
        plain(" ".join(text.split())),
        width,
        initial_indent=first,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(results: Sequence[Result]) -> Text:
    counts = Counter(result.finding.verdict for result in results)
    if counts[Verdict.FAULT]:
        style = "bold red"
    elif counts[Verdict.WARNING]:
        style = "bold yellow"
    else:
        style = "green"
    told = [f"{len(results)} checks", _count(counts[Verdict.FAULT], "fault")]
    told.append(_count(counts[Verdict.WARNING], "warning"))
    if counts[Verdict.SKIPPED]:
        told.append(f"{counts[Verdict.SKIPPED]} not known")
    return Text(", ".join(told) + ".", style=style)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def results_document(results: Sequence[Result]) -> dict[str, Any]:
    """``--json``."""
    counts = Counter(result.finding.verdict for result in results)
    return {
        "checks": [
            {
                "name": result.check.name,
                "group": result.check.group,
                "verdict": result.finding.verdict.value,
                "found": result.finding.found,
                "advice": result.finding.advice,
            }
            for result in results
        ],
        "summary": {verdict.value: counts[verdict] for verdict in Verdict},
    }


def list_lines(checks: Sequence[Check]) -> list[Text]:
    """``--list``."""
    lines = []
    for check in checks:
        with_user = " (with --user)" if check.for_user else ""
        lines.append(Text(f"{check.name:<{_NAME_COLUMNS}}  {check.about}{with_user}"))
    return lines
