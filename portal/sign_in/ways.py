"""The ways to sign in that are configured: each finds out who it is, or refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from portal.config import SignInConfig
from portal.errors import NotFoundError, ProblemError, UnreachableError
from portal.settings import Settings
from portal.sign_in.links import Link, LinkRefusedError, Links
from portal.sign_in.pace import Pace
from portal.sign_in.pam import Pam, PamRefusedError
from portal.store.database import Database

REFUSAL_SECONDS = 3.0
"""After so long a wrong password is answered, whatever was wrong: names cannot be told apart.

pam_unix itself waits 1.3 to 2.7 s, but not for an account that has expired."""

_Asking = Callable[[str, Database, float], Awaitable[Link]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ways:
    """PAM and links; a proxy's header needs no call (``portal.web.caller``)."""

    settings: Settings
    pam: Pam
    links: Links
    database: Database
    pace: Pace
    clock: Callable[[], float]
    """Seconds since the epoch."""
    refusal_seconds: float

    @property
    def _config(self) -> SignInConfig:
        return self.settings.config.sign_in

    @property
    def methods(self) -> Sequence[str]:
        """As the pages are told."""
        offered = {
            "pam": self._config.pam.enabled,
            "link": self._config.link.enabled,
            "header": self._config.header.name is not None,
        }
        return [name for name, there in offered.items() if there]

    async def by_password(self, user: str, password: str, remote: str) -> str:
        """The user. Raises ProblemError 401, 404, 429, 503."""
        if not self._config.pam.enabled:
            raise _not_offered()
        self.pace.require_leave(remote, user)
        begun = time.monotonic()
        # Counted before it is known: guesses side by side count as well.
        self.pace.note_failure(remote, user)
        try:
            await self.pam.check(user, password)
        except PamRefusedError as error:
            reason = str(error)
            _log.warning("sign_in_refused", user=user, method="pam", remote=remote, reason=reason)
            await asyncio.sleep(max(0.0, begun + self.refusal_seconds - time.monotonic()))
            raise refused() from None
        except UnreachableError:
            # Nobody can tell: what failed before stays counted.
            self.pace.take_back(remote, user)
            raise
        except ProblemError:
            # It was right, and is too old.
            self.pace.forgive(remote, user)
            raise
        self.pace.forgive(remote, user)
        return user

    async def look_at_link(self, token: str, remote: str) -> Link:
        """Whom a link would sign in; it is not used. Raises ProblemError 401, 404, 429."""
        return await self._by_link(self.links.look, token, remote)

    async def by_link(self, token: str, remote: str) -> str:
        """The user. Raises ProblemError 401, 404, 429."""
        return (await self._by_link(self.links.redeem, token, remote)).user

    async def _by_link(self, ask: _Asking, token: str, remote: str) -> Link:
        if not self._config.link.enabled:
            raise _not_offered()
        self.pace.require_leave(remote)
        try:
            return await ask(token, self.database, self.clock())
        except LinkRefusedError as error:
            self.pace.note_failure(remote)
            whose, reason = error.user, error.reason
            _log.warning("sign_in_refused", user=whose, method="link", remote=remote, reason=reason)
            raise


def refused() -> ProblemError:
    """What is said whatever was wrong."""
    detail = "User or password is not right, or this account cannot be used."
    return ProblemError(401, "sign_in_failed", detail)


def _not_offered() -> ProblemError:
    return NotFoundError("not_offered", "One cannot sign in to this portal in this way.")
