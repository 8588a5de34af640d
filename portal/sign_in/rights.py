"""Sign-ins outlive no right: what is open was allowed when it was opened, and is looked at again.

the host does not know the user any more ──┐
the user is no administrator any more ─────┴──> their sign-ins end, with event streams and displays

Each request is judged anew anyway; this is for streams and displays, which have but one. Who was an
administrator and is not signs in again, and has what is theirs.
"""

from __future__ import annotations

import asyncio

import structlog

from portal.errors import StoreError, UnreachableError
from portal.sign_in.sign_ins import SignIns
from portal.sign_in.users import Users

RIGHTS_TICKS = 30
"""Between two looks."""

_log = structlog.get_logger()


class Rights:
    """Looks every ``seconds`` at whoever is signed in."""

    def __init__(self, users: Users, sign_ins: SignIns, seconds: float) -> None:
        self._users = users
        self._sign_ins = sign_ins
        self._seconds = seconds
        self._unknown: set[str] = set()
        """At the last look: a directory that fails for a moment puts nobody out."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._look()
            except UnreachableError as error:
                _log.warning("rights_not_known", reason=error.detail)
            except StoreError as error:
                _log.error("store_failed", error=str(error))

    async def _look(self) -> None:
        """Raises UnreachableError, StoreError."""
        before, self._unknown = self._unknown, set()
        for user in self._sign_ins.users():
            person = await self._users.person(user)
            if person is None:
                self._unknown.add(user)
            if (person is None and user in before) or self._users.is_lowered(person):
                _log.warning("rights_lost", user=user)
                await self._sign_ins.end_all_of(user)
