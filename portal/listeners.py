"""Where the portal listens: TCP, with TLS or without, and a Unix socket."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
from pathlib import Path

from portal.config import ListenConfig
from portal.door import BACKLOG
from portal.errors import ConfigError


async def bind(config: ListenConfig) -> list[socket.socket]:
    """Bound, and listening. Raises ConfigError, and nothing is bound then."""
    bound: list[socket.socket] = []
    place = ""
    try:
        if config.port is not None:
            place = f"port: {config.host}:{config.port}"
            for family, address in await _addresses(config.host, config.port):
                bound.append(socket.create_server(address, family=family, backlog=BACKLOG))
        if config.socket is not None:
            place = f"socket: {config.socket}"
            bound.append(_bind_unix(config.socket))
            _hand_over(config.socket, config.socket_group)
    except (OSError, ConfigError) as error:
        for each in bound:
            each.close()
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"listen.{place}: {_reason(error)}.") from error
    return bound


async def _addresses(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    """Families and addresses of a name, each once."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((each[0], (str(each[4][0]), port)) for each in found))


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use, by another portal or what 'ss -lp' names: take another, or end that"
    # Python puts a text of its own in the place of the system's.
    known = error.errno is not None and not isinstance(error, socket.gaierror)
    return f"cannot listen there: {os.strerror(error.errno or 0) if known else error}"


def _bind_unix(path: Path) -> socket.socket:
    """For owner and group alone, from the first moment on: whoever connects may be believed."""
    path.unlink(missing_ok=True)  # what a life before has left
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o117)
    try:
        listening.bind(str(path))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(umask)
    return listening


def _hand_over(path: Path, group: str | None) -> None:
    if group is None:
        return
    try:
        shutil.chown(path, group=group)
    except (LookupError, PermissionError) as error:
        raise ConfigError(
            f"listen.socket_group: {path} cannot be given to the group {group} ({error}): is there "
            "one, and is the portal's user a member?"
        ) from error


def url_of(listening: socket.socket, config: ListenConfig) -> str:
    """How a bound socket is called."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{config.socket}"
    port = listening.getsockname()[1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{'http' if config.certificate_file is None else 'https'}://{host}:{port}"
