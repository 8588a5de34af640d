"""What systemd is told of the daemon: sd_notify(3). Without systemd, nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

import structlog

SEND_SECONDS = 1.0
"""A manager that is that slow to listen is not waited for; it is a word like ``ready`` at stake."""

log = structlog.get_logger(__name__)


class Notifier:
    """Sends states to the service manager; ``address`` of ``None``: there is none."""

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds
        """The service is killed after so long without ``alive``; ``None``: it is not watched."""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Notifier:
        """As systemd.service(5) says; what it says is not for programs that we start."""
        address = environment.pop("NOTIFY_SOCKET", None)
        microseconds = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        is_ours = microseconds.isdigit() and pid in {"", str(os.getpid())}
        seconds = int(microseconds) / 1e6 if is_ours and int(microseconds) else None
        return cls(address, seconds)

    @property
    def listens(self) -> bool:
        """Whether there is a service manager."""
        return self._address is not None

    def ready(self) -> None:
        """Started, or reloaded, and at work."""
        self._tell("READY=1")

    def starting(self, seconds: float) -> None:
        """Not ready yet, but alive: to be waited for, so long from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def reloading(self) -> None:
        """Reading the configuration again; ``ready`` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """On the way out."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._tell(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        # An address that begins with @ is abstract.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(SEND_SECONDS)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warning("service_manager_not_told", states=lines, error=str(error))


NOBODY = Notifier(None)
"""For daemons that were started by hand."""
