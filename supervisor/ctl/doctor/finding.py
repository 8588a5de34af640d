"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"
    """Not known: another check has failed that this one needs, or it is not for this user."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with a sentence of what is so; ``advice`` is what to do, empty for nothing."""

    verdict: Verdict
    found: str
    advice: str = ""


class UnknownFactError(Exception):
    """What a check needs cannot be known; the text says why."""


def good(found: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, found)


def doubtful(found: str, advice: str) -> Finding:
    """Sessions run, and something is to be done all the same."""
    return Finding(Verdict.WARNING, found, advice)


def bad(found: str, advice: str) -> Finding:
    """Sessions do not run, or not safely."""
    return Finding(Verdict.FAULT, found, advice)


def unknown(found: str) -> Finding:
    """It could not be found out."""
    return Finding(Verdict.SKIPPED, found)
