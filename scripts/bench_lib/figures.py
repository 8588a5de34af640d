"""Figures beside their targets: a table of 80 columns for people, JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to stay below, or not fall below, in the figure's own unit."""

    bound: float
    is_least: bool = False

    def met(self, value: float) -> bool:
        """Whether ``value`` does."""
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.is_least else '<='} {_number(self.bound)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number; ``floor`` is what the bare minimum of the same path cost in this run."""

    key: str
    label: str
    value: float
    unit: str
    floor: float | None = None
    target: Target | None = None

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing without a target."""
        if self.target is None:
            return ""
        return "met" if self.target.met(self.value) else "MISSED"


def quantile(values: Sequence[float], fraction: float) -> float:
    """The smallest value that ``fraction`` of all values do not exceed. NaN without values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def print_table(title: str, figures: Sequence[Figure]) -> None:
    """One line a figure."""
    print(f"\n{title:<40}{'measured':>12}{'floor':>9}{'target':>10}", flush=True)
    for figure in figures:
        floor = "" if figure.floor is None else _number(figure.floor)
        target = "" if figure.target is None else str(figure.target)
        measured = f"{_number(figure.value)} {figure.unit:<4}"
        verdict = figure.verdict
        print(
            f"{figure.label:<40}{measured:>12}{floor:>9}{target:>10} {verdict}".rstrip(), flush=True
        )


def write_json(path: Path, figures: Sequence[Figure], samples: object) -> None:
    """The same, with every sample and how busy the machine was."""
    document = {
        "figures": [
            {
                "key": figure.key,
                "value": figure.value,
                "unit": figure.unit,
                "floor": figure.floor,
                "target": figure.target.bound if figure.target else None,
                "verdict": figure.verdict,
            }
            for figure in figures
        ],
        "samples": samples,
        "machine": {"cpus": os.cpu_count(), "load_average": os.getloadavg()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
