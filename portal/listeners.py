"""Where the portal listens: TCP, with TLS or without, and a Unix socket."""

from __future__ import annotations

import errno
import os
import shutil
import ssl
from pathlib import Path

from aiohttp import web

from portal.config import ListenConfig
from portal.errors import ConfigError


async def listen(runner: web.AppRunner, config: ListenConfig) -> list[str]:
    """Bind and serve; the addresses, as URLs. Raises ConfigError."""
    addresses: list[str] = []
    place = ""
    try:
        if config.port is not None:
            place = f"port: {config.host}:{config.port}"
            context = tls_context(config)
            await web.TCPSite(runner, config.host, config.port, ssl_context=context).start()
            addresses.append(_url(runner, config, context))
        if config.socket is not None:
            place = f"socket: {config.socket}"
            await _listen_unix(runner, config.socket, config.socket_group)
            addresses.append(f"unix:{config.socket}")
    except OSError as error:
        raise ConfigError(f"listen.{place}: {_reason(error)}.") from error
    return addresses


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use, by another portal or what 'ss -lp' names: take another, or end that"
    # asyncio puts a text of its own in the place of the system's.
    return f"cannot listen there: {os.strerror(error.errno) if error.errno else error}"


async def _listen_unix(runner: web.AppRunner, path: Path, group: str | None) -> None:
    """For owner and group alone, from the first moment on: whoever connects may be believed."""
    _remove(path)
    umask = os.umask(0o117)
    try:
        await web.UnixSite(runner, str(path)).start()
    finally:
        os.umask(umask)
    if group is None:
        return
    try:
        shutil.chown(path, group=group)
    except (LookupError, PermissionError) as error:
        raise ConfigError(
            f"listen.socket_group: {path} cannot be given to the group {group} ({error}): is there "
            "one, and is the portal's user a member?"
        ) from error


def _remove(path: Path) -> None:
    """What a life before has left."""
    path.unlink(missing_ok=True)


def tls_context(config: ListenConfig) -> ssl.SSLContext | None:
    """What the portal shows of itself over TLS; ``None``: in clear. Raises ConfigError."""
    if config.certificate_file is None or config.key_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, config.certificate_file, config.key_file)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        # Not to be asked for a password on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{certificate}: is not a certificate in PEM that {key} belongs to ({error})."
        ) from error


def _url(runner: web.AppRunner, config: ListenConfig, context: ssl.SSLContext | None) -> str:
    port = runner.addresses[0][1] if config.port == 0 else config.port
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{'http' if context is None else 'https'}://{host}:{port}"
