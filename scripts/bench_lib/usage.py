"""What a process uses, by /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Since it began, and at the moment."""

    cpu_seconds: float
    rss_mb: float
    pss_mb: float
    """Shared pages count in part; what a container of its own would be charged."""


def usage_of(pid: int) -> ProcessUsage:
    """Of one process, its threads included. Raises FileNotFoundError when it is gone."""
    directory = Path("/proc") / str(pid)
    fields = (directory / "stat").read_text().rpartition(")")[2].split()
    rollup = dict(
        line.split()[:2] for line in (directory / "smaps_rollup").read_text().splitlines()[1:]
    )
    return ProcessUsage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND,
        rss_mb=int(rollup["Rss:"]) / 1024,
        pss_mb=int(rollup["Pss:"]) / 1024,
    )
