"""One-time links: ``user``, expiry and a nonce, signed; the store knows which were used.

TOKEN = base64url(JSON [user, expires_at, nonce]) "." base64url(HMAC-SHA256)
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


@dataclass(frozen=True, slots=True)
class Links:
    """Issues and takes links; the key is the state directory's."""

    key: bytes

    def issue(self, user: str, expires_at: float) -> str:
        """A token that signs ``user`` in once."""
        body = _encode(json.dumps([user, expires_at, secrets.token_hex(16)]).encode())
        return f"{body}.{self._signature(body)}"

    async def redeem(self, token: str, database: Database, now: float) -> str:
        """The user of a good token, which is used up by that. Raises ProblemError 401."""
        body, _, signature = token.partition(".")
        if len(token) > _MOST_CHARACTERS or not token.isascii():
            raise _invalid()
        if not hmac.compare_digest(signature, self._signature(body)):
            raise _invalid()
        try:
            user, expires_at, nonce = json.loads(base64.urlsafe_b64decode(body + "=="))
        except (ValueError, binascii.Error):
            raise _invalid() from None
        if now >= expires_at:
            raise _invalid()
        use = partial(link_rows.use, nonce=nonce, expires_at=expires_at, now=now)
        if not await database.run(use):
            raise _invalid()
        return str(user)

    def _signature(self, body: str) -> str:
        return _encode(hmac.new(self.key, body.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _invalid() -> ProblemError:
    detail = "This link is not valid: it was used, has expired, or is not complete. Get another."
    return ProblemError(401, "link_invalid", detail)
