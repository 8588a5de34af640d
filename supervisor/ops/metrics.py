"""Metrics for Prometheus: states are counted when they are asked for, events as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import prometheus_client
import structlog
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from supervisor.errors import StoreError
from supervisor.ops.instruments import Instruments

SURVEY_SECONDS = 2.0
"""How long a scrape waits for the store before it answers without it."""

log = structlog.get_logger(__name__)


class Metrics:
    """A registry of its own, so that nothing of the process gets in by being imported."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        # Each would be a second series for every counter, for which there is no use here.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # not annotated there
        self.registry = CollectorRegistry()
        self.instruments = Instruments(self.registry)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._surveys: list[Callable[[], Awaitable[None]]] = []

    def watch(self, *collectors: Collector) -> None:
        """Ask each of them at every scrape."""
        for collector in collectors:
            self.registry.register(collector)

    def survey_first(self, survey: Callable[[], Awaitable[None]]) -> None:
        """Await this before every scrape; may raise StoreError."""
        self._surveys.append(survey)

    async def expose(self) -> bytes:
        """Prometheus' text format. A store that does not answer costs its own samples only."""
        for survey in self._surveys:
            try:
                async with asyncio.timeout(SURVEY_SECONDS):
                    await survey()
            except (StoreError, TimeoutError) as error:
                log.debug("survey_failed", error=str(error))
        return generate_latest(self.registry)
