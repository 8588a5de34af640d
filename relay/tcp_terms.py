"""On which terms connections from the network are taken: certificate and tokens.

They are read from files by whoever makes them, and may be replaced while the relay runs.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.lifecycle.session import Timestamp

_BEARER = "bearer"
_MOST_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the relay shows of itself, with its key, and what it asks of those who connect."""

    context: ssl.SSLContext = field(repr=False)
    file: Path
    expires_at: Timestamp


@dataclass(frozen=True, slots=True)
class WebToken:
    """A token that admits a web server; only its SHA-256 is kept."""

    name: str
    """That of its file: tells tokens apart in the audit trail."""
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTerms:
    """Of one address."""

    certificate: Certificate | None = None
    """``None``: connections are in clear."""
    tokens: tuple[WebToken, ...] = ()
    """Of the web server's address; viewers have tickets."""


def token_of(authorization: str | None, tokens: tuple[WebToken, ...]) -> WebToken | None:
    """The token that ``Authorization: Bearer <token>`` shows, if it is one of these.

    Each is compared, and by its hash: the time it takes tells nothing.
    """
    scheme, _, offered = (authorization or "").partition(" ")
    offered = offered.strip()
    if scheme.lower() != _BEARER or not 0 < len(offered) <= _MOST_CHARACTERS:
        return None
    digest = hashlib.sha256(offered.encode("utf-8", "surrogateescape")).digest()
    found = [token for token in tokens if hmac.compare_digest(token.digest, digest)]
    return found[0] if found else None
