"""Reading the configuration anew while sessions run (SIGHUP): all of it, or none of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from supervisor.config import Config
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339
from supervisor.ops.notify import Notifier
from supervisor.reactor.core import Core
from supervisor.template.catalog import TemplateCatalog

log = structlog.get_logger(__name__)

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reloads:
    """When to read the configuration anew, and from where."""

    asked: asyncio.Event
    read: Callable[[], Config]
    """Blocks. Raises ConfigError with every fault."""
    read_at: Timestamp
    """When what holds at first was read, or before."""


@dataclass(slots=True)
class Reloader:
    """Puts a new configuration in the place of the one that holds, when it is asked to.

    However often it is asked while it is at work, it reads once more afterwards.
    """

    reloads: Reloads
    running: Config
    """What holds."""
    apply: Callable[[Config], Awaitable[None]]
    """Lets a configuration hold. Raises ConfigError, and nothing has changed then."""
    catalog: TemplateCatalog
    notifier: Notifier
    core: Core
    now: Callable[[], Timestamp] = time.time
    _loaded_at: Timestamp = 0.0
    _error: str | None = None
    _kept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._loaded_at = self.reloads.read_at

    def state(self) -> Mapping[str, Any]:
        """For the node object: since when what holds does, and what is wrong with the files."""
        return {
            "loaded_at": rfc3339(self._loaded_at),
            "error": self._error,
            "kept": list(self._kept),
            "templates_refused": [str(fault) for fault in self.catalog.faults()],
        }

    @property
    def error(self) -> str | None:
        """What was wrong with the files at the last reload, a fault per line."""
        return self._error

    async def run(self) -> None:
        """Reload whenever asked to, until cancelled."""
        self._note_templates()
        while True:
            await self.reloads.asked.wait()
            self.reloads.asked.clear()
            await self._reload()

    async def _reload(self) -> None:
        # Before it is ready for the first time, a service manager waits for that alone.
        is_told = self.core.health.health.first_ready.is_set()
        if is_told:
            self.notifier.reloading()
        # What is written from now on may be read, or not.
        read_at = self.now()
        try:
            await self._take_over(await asyncio.to_thread(self.reloads.read), read_at)
        except SupervisorError as error:
            self._error = str(error)
            log.error("configuration_refused", faults=str(error).splitlines())
        except Exception as error:  # the boundary: sessions run on as they were
            self._error = f"{type(error).__name__}: {error}"
            log.exception("configuration_reload_crashed")
        self.catalog.reread()
        self._note_templates()
        if is_told:
            self.notifier.ready()
        self.core.tell_node()

    async def _take_over(self, found: Config, read_at: Timestamp) -> None:
        config, kept = keep(self.running, found)
        await self.apply(config)
        self.running, self._kept = config, kept
        self._loaded_at, self._error = read_at, None
        log.info("configuration_reloaded")
        if kept:
            log.warning("configuration_kept", keys=list(kept), until="restart")

    def _note_templates(self) -> None:
        """A line for each fault: starts from that template fail, all else goes on."""
        for fault in self.catalog.faults():
            log.warning("template_refused", fault=str(fault))


def keep(running: S, found: S, prefix: str = "") -> tuple[S, tuple[str, ...]]:
    """What was found, but for keys that need a restart; and which of them were changed."""
    values: dict[str, Any] = {}
    kept: list[str] = []
    for name, field in type(found).model_fields.items():
        old, new = getattr(running, name), getattr(found, name)
        extra = field.json_schema_extra
        if isinstance(new, BaseModel):
            values[name], inner = keep(old, new, f"{prefix}{name}.")
            kept += inner
        elif old != new and isinstance(extra, dict) and extra.get("x-needs-restart"):
            values[name] = old
            kept.append(prefix + name)
    return found.model_copy(update=values), tuple(kept)
