"""One-time links: ``user``, expiry and a nonce, signed; the store knows which were used.

TOKEN = base64url(JSON [user, expires_at, nonce, asks]) "." base64url(HMAC-SHA256)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from functools import partial

from portal.errors import ProblemError
from portal.store import link_rows
from portal.store.database import Database

_MOST_CHARACTERS = 1024


class LinkRefusedError(ProblemError):
    """401 ``link_invalid``; which of its reasons it is, and whose link it was, is for the log."""

    def __init__(self, reason: str, user: str | None = None) -> None:
        detail = "This link is not valid: it was used, has expired, or is not complete."
        super().__init__(401, "link_invalid", f"{detail} Get another.")
        self.reason = reason
        self.user = user


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says."""

    user: str
    expires_at: float
    nonce: str
    asks: bool
    """Whether its page asks first: whoever sends a link decides whom it signs in."""


@dataclass(frozen=True, slots=True)
class Links:
    """Issues and takes links; the key is the state directory's."""

    key: bytes

    def issue(self, user: str, expires_at: float, *, asks: bool = True) -> str:
        """A token that signs ``user`` in once."""
        body = _encode(json.dumps([user, expires_at, secrets.token_hex(16), asks]).encode())
        return f"{body}.{self._signature(body)}"

    async def look(self, token: str, database: Database, now: float) -> Link:
        """What a good token says, which stays so. Raises LinkRefusedError."""
        link = self._read(token, now)
        if await database.run(partial(link_rows.is_used, nonce=link.nonce)):
            raise LinkRefusedError("used already", link.user)
        return link

    async def redeem(self, token: str, database: Database, now: float) -> Link:
        """What a good token says, which is used up by that. Raises LinkRefusedError."""
        link = self._read(token, now)
        use = partial(link_rows.use, nonce=link.nonce, expires_at=link.expires_at, now=now)
        if not await database.run(use):
            raise LinkRefusedError("used already", link.user)
        return link

    def _read(self, token: str, now: float) -> Link:
        body, _, signature = token.partition(".")
        if len(token) > _MOST_CHARACTERS or not token.isascii():
            raise LinkRefusedError("malformed")
        if not hmac.compare_digest(signature, self._signature(body)):
            raise LinkRefusedError("not signed by this portal, or not complete")
        try:
            user, expires_at, nonce, asks = json.loads(base64.urlsafe_b64decode(body + "=="))
        except (ValueError, binascii.Error):
            raise LinkRefusedError("malformed") from None
        if now >= expires_at:
            raise LinkRefusedError("expired", user)
        return Link(str(user), float(expires_at), str(nonce), asks is not False)

    def _signature(self, body: str) -> str:
        return _encode(hmac.new(self.key, body.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
