"""Reading the configuration anew while people are connected (SIGHUP): all of it, or none of it.

    SIGHUP ──> read and judged, with certificate and key ──> Settings has another config
                              └── something is wrong ──> the old one holds, and it is said why

Certificate and key are read again in any case: whoever renews them writes to the same files.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from portal.certificate import tls_context
from portal.config import Config
from portal.errors import ConfigError
from portal.log import set_level
from portal.service_manager import notify
from portal.settings import Settings

_STATUS_CHARACTERS = 200

_log = structlog.get_logger()

_Section = TypeVar("_Section", bound=BaseModel)


@dataclass(slots=True)
class Reloader:
    """Reloads whenever it is ``asked``; however often meanwhile, it reads once more afterwards."""

    settings: Settings
    read: Callable[[], Config]
    """Blocks. Raises ConfigError with every fault."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            await self._reload()

    async def _reload(self) -> None:
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._take_over(*await asyncio.to_thread(self._prepare))
            status = ""
        except ConfigError as error:
            faults = str(error).splitlines()
            _log.error("configuration_refused", faults=faults)
            status = f"The configuration was not taken over: {faults[0]}"[:_STATUS_CHARACTERS]
        except Exception:  # noqa: BLE001 the boundary: who is connected stays so
            _log.exception("configuration_reload_crashed")
            status = "The configuration was not taken over; the log has the reason."
        notify(f"STATUS={status}", "READY=1")

    def _prepare(self) -> tuple[Config, ssl.SSLContext | None]:
        """Blocks. Raises ConfigError."""
        config = self.read()
        return config, tls_context(config.listen)

    def _take_over(self, found: Config, tls: ssl.SSLContext | None) -> None:
        config, kept = keep(self.settings.config, found)
        self.settings.config, self.settings.tls = config, tls
        set_level(config.log.level)
        _log.info("configuration_reloaded")
        if kept:
            _log.warning("configuration_kept", keys=list(kept), until="restart")


def keep(running: _Section, found: _Section, prefix: str = "") -> tuple[_Section, tuple[str, ...]]:
    """What was found, but for keys that need a restart; and which of them were changed."""
    values: dict[str, Any] = {}
    kept: list[str] = []
    for name, key in type(found).model_fields.items():
        old, new = getattr(running, name), getattr(found, name)
        extra = key.json_schema_extra
        if isinstance(new, BaseModel):
            values[name], inner = keep(old, new, f"{prefix}{name}.")
            kept += inner
        elif old != new and isinstance(extra, dict) and extra.get("x-needs-restart"):
            values[name] = old
            kept.append(prefix + name)
    return found.model_copy(update=values), tuple(kept)
