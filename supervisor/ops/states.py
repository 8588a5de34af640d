"""Gauges, computed at each scrape from what is there: none is kept by counting."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from supervisor.lifecycle.session import Phase, Session, Timestamp
from supervisor.ops.instruments import PREFIX
from supervisor.reactor.drift import Remedy
from supervisor.reactor.tally import Tally
from supervisor.reactor.watcher import EngineHealth
from supervisor.store.database import Database
from supervisor.store.delivery import Backlog, measure_backlog
from supervisor.template.catalog import TemplateCatalog


class Node(Collector):
    """Sessions, engine, templates and disks, as they are at the moment."""

    def __init__(  # noqa: PLR0913 what there is to look at
        self,
        *,
        version: str,
        sessions: Iterable[Session],
        health: EngineHealth,
        catalog: TemplateCatalog,
        disks: Mapping[str, Path],
        orphans: Callable[[], int],
    ) -> None:
        self._version = version
        self._sessions = sessions
        self._health = health
        self._catalog = catalog
        self._disks = disks
        self._orphans = orphans

    def collect(self) -> Iterator[Metric]:
        """One sample per phase, also of those that no session is in."""
        yield InfoMetricFamily(f"{PREFIX}_build", "This program.", value={"version": self._version})
        found = Counter(session.phase for session in self._sessions)
        phases = {phase.value: found[phase] for phase in Phase}
        yield _gauges("sessions", "Sessions by phase.", "phase", phases)
        health = self._health
        yield _gauge("engine_up", "Whether the engine answers.", health.reachable)
        ready = health.adopted and health.reachable
        yield _gauge("ready", "Whether /readyz says yes.", ready)
        if (engine := health.version) is not None:
            known = {"name": engine.name, "version": engine.version, "api": engine.api_version}
            yield InfoMetricFamily(f"{PREFIX}_engine", "Who answered last.", value=known)
        yield _gauge("orphans", "Containers that no session stands for.", self._orphans())
        names, faults = self._catalog.names(), self._catalog.faults()
        yield _gauge("templates", "Names of launcher templates, faulty or not.", len(names))
        faulty = len({fault.path for fault in faults})
        yield _gauge("templates_faulty", "Template files that cannot be used.", faulty)
        yield from self._free()

    def _free(self) -> Iterator[Metric]:
        free: dict[str, float] = {}
        for name, path in self._disks.items():
            try:
                disk = os.statvfs(path)
            except OSError:
                continue
            free[name] = disk.f_bavail * disk.f_frsize
        yield _gauges("disk_available_bytes", "Room where it writes.", "directory", free)


class Counts(Collector):
    """What the reactor and the store have counted since the daemon's start."""

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
            "orphans_found": ("Containers that no session stood for.", tally.orphans_found),
            "orphans_removed": ("Those that were removed.", tally.orphans_removed),
            "store_failures": (
                "Calls that the database could not serve.",
                self._database.failed_calls,
            ),
        }
        for name, (meaning, count) in counts.items():
            yield CounterMetricFamily(f"{PREFIX}_{name}", meaning, value=count)
        drift = CounterMetricFamily(
            f"{PREFIX}_drift_found", "Differences that no event had told.", labels=["remedy"]
        )
        for remedy in REMEDIES:
            drift.add_metric([remedy], tally.drift_by_remedy[remedy])
        yield drift


class RelayCensus(Protocol):
    """What the relay has at present."""

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """``viewers`` by mode; ``tickets``, ``agents`` and ``readers`` by stream."""


class Relayed(Collector):
    """Viewers, tickets and streams, as they are at the moment."""

    def __init__(self, relay: RelayCensus, event_readers: Callable[[], int]) -> None:
        self._relay = relay
        self._event_readers = event_readers

    def collect(self) -> Iterator[Metric]:
        """As the relay counts them when it is asked."""
        found = self._relay.census()
        yield _gauges("viewers", "Viewers that are connected.", "mode", found["viewers"])
        yield _gauge("tickets", "Tickets that can still admit somebody.", found["tickets"][""])
        yield _gauge("agents_connected", "Agents with a control stream.", found["agents"][""])
        readers = {"events": self._event_readers(), **found["readers"]}
        yield _gauges("stream_readers", "Readers of streams.", "stream", readers)


class Expiring(Protocol):
    """What ends at a point in time."""

    @property
    def expires_at(self) -> Timestamp:
        """When."""


class Certified(Collector):
    """When the certificates end that are shown to the network; nothing where there are none."""

    def __init__(self, certificates: Callable[[], Mapping[str, Expiring]]) -> None:
        self._certificates = certificates

    def collect(self) -> Iterator[Metric]:
        """As of the last reload."""
        ends = {listener: each.expires_at for listener, each in self._certificates().items()}
        if ends:
            yield _gauges("certificate_expiry_timestamp_seconds", "When it ends.", "listener", ends)


class Outboxed(Collector):
    """What waits for the webhook, by the store's own count; nothing while there is no webhook."""

    def __init__(
        self,
        database: Database,
        notes: Mapping[str, Callable[[], Mapping[str, Any]]],
        now: Callable[[], Timestamp],
    ) -> None:
        self._database = database
        self._notes = notes
        self._now = now
        self._backlog: Backlog | None = None

    async def survey(self) -> None:
        """Ask the store. Raises StoreError, and then this has no samples from it."""
        self._backlog = None
        if "webhook" in self._notes:
            self._backlog = await self._database.run(measure_backlog)

    def collect(self) -> Iterator[Metric]:
        """How far behind the webhook is, and whether it gets on."""
        if (note := self._notes.get("webhook")) is None:
            return
        state = note()
        states = dict.fromkeys(("delivering", "failing", "stopped"), 0) | {state["state"]: 1}
        yield _gauges("webhook_state", "1 for the state that it is in.", "state", states)
        lanes = {"behind": state["sessions_behind"], "refused": state["sessions_refused"]}
        yield _gauges("webhook_lanes", "Sessions with events to deliver.", "state", lanes)
        if (backlog := self._backlog) is not None:
            yield _gauge("outbox_events", "Events to be delivered.", backlog.events)
            since = 0.0 if backlog.oldest_at is None else self._now() - backlog.oldest_at
            yield _gauge("outbox_oldest_age_seconds", "Of the oldest of them.", max(0.0, since))


REMEDIES = tuple(remedy.name.lower() for remedy in Remedy)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value=float(value))


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    made = GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=[label])
    for each, value in values.items():
        made.add_metric([each], float(value))
    return made
