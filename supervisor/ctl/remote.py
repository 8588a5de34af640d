"""A daemon on another host: its address, the token that it wants, and whom to believe."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from supervisor.addresses import is_loopback
from supervisor.ctl.errors import BadEndpointError

_URL = re.compile(r"https?://[!-~]+")
_MOST_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """``https://host:port``, as ``--socket`` or ``FX_SOCKET`` has it."""

    url: str
    token: str = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    """``None``: in clear, on this host."""

    def __str__(self) -> str:
        """The address, for people."""
        return self.url


def remote(url: str, token_file: str | None, ca_file: str | None) -> Remote:
    """The daemon at an address. Raises BadEndpointError for what cannot be one."""
    _require_origin(url)
    return Remote(url.rstrip("/"), _token(token_file), _tls(url, ca_file))


def _require_origin(url: str) -> None:
    wrong = BadEndpointError(f"{url!r} is no address of a daemon: say https://host:port.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if rest or not _URL.fullmatch(url) or not parts.hostname or port == 0 or "@" in parts.netloc:
        raise wrong
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise BadEndpointError(
            f"{url} is in clear: others on the way could read the token. Say https://."
        )


def _token(token_file: str | None) -> str:
    if not token_file:
        raise BadEndpointError(
            "An address needs a token: name its file in FX_TOKEN_FILE (one of the daemon's "
            "relay.web.tcp.token_files)."
        )
    try:
        with Path(token_file).open(encoding="ascii") as file:
            token = file.read(_MOST_CHARACTERS).strip()
    except OSError as error:
        raise BadEndpointError(
            f"{token_file}: the token cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise BadEndpointError(f"{token_file}: it has to hold a token, alone on one line.")
    return token


def _tls(url: str, ca_file: str | None) -> ssl.SSLContext | None:
    if url.startswith("http:"):
        return None
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise BadEndpointError(
            f"{ca_file}: it holds no authorities' certificates in PEM form (FX_CA_FILE): {error}."
        ) from error
