"""``requests`` over a Unix socket: schemathesis speaks through it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection


class UnixConnection(HTTPConnection):
    """Connects to a path, whatever the host is called."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("fx", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the connection."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


class UnixPool(HTTPConnectionPool):
    """Connections to a path."""

    def __init__(self, path: Path) -> None:
        super().__init__("fx")
        self._path = path

    def _new_conn(self) -> UnixConnection:
        return UnixConnection(self._path, 10)


class UnixAdapter(HTTPAdapter):
    """Sends every request to one Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._pool = UnixPool(path)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> UnixPool:  # noqa: ANN401 requests'
        """There is one."""
        return self._pool

    def close(self) -> None:
        """Close them."""
        self._pool.close()
        super().close()
