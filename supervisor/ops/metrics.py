"""Metrics for Prometheus: states are counted when they are asked for, events as they happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from supervisor.lifecycle.session import Phase
from supervisor.reactor.directory import Directory
from supervisor.reactor.tally import Tally
from supervisor.store.database import Database

PREFIX = "fastx_supervisor"


def registry(directory: Directory, tally: Tally, database: Database) -> CollectorRegistry:
    """A registry of its own, so that nothing of the process gets in by being imported."""
    made = CollectorRegistry()
    made.register(SessionsCollector(directory))
    made.register(CountsCollector(tally, database))
    return made


class SessionsCollector(Collector):
    """Sessions by phase, as they are at the moment."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """One sample per phase, also of those that no session is in."""
        found = Counter(session.phase for session in self._directory)
        gauge = GaugeMetricFamily(f"{PREFIX}_sessions", "Sessions by phase.", labels=["phase"])
        for phase in Phase:
            gauge.add_metric([phase.value], found[phase])
        yield gauge


class CountsCollector(Collector):
    """What has happened since the daemon's start."""

    def __init__(self, tally: Tally, database: Database) -> None:
        self._tally = tally
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Numbers that only grow."""
        tally = self._tally
        counts = {
            "sessions_adopted": ("Sessions taken over after the start.", tally.sessions_adopted),
            "adoptions_failed": ("Attempts at it that failed.", tally.adoptions_failed),
            "sessions_rebuilt": ("Sessions that the store had lost.", tally.sessions_rebuilt),
            "orphans_removed": ("Containers that no session stood for.", tally.orphans_removed),
            "drift_found": ("Differences that no event had told.", tally.drift_found),
            "store_failures": (
                "Calls that the database could not serve.",
                self._database.failed_calls,
            ),
        }
        for name, (meaning, count) in counts.items():
            yield CounterMetricFamily(f"{PREFIX}_{name}", meaning, value=count)
