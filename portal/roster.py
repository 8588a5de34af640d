"""Which sessions somebody sees, and as what: mirror, shares and access put together."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from portal.access import Access, Act, Mode, Person, access_of, require
from portal.errors import NotFoundError, RelayError
from portal.pauses import Pauses
from portal.settings import Settings
from portal.shares import Shares
from portal.store.share_rows import Share
from portal.upstream.client import Upstream, Wire
from portal.upstream.mirror import Mirror

_ID_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Roster:
    """Answers for one person at a time."""

    upstream: Upstream
    mirror: Mirror
    shares: Shares
    pauses: Pauses
    settings: Settings

    def access(self, person: Person, session: Wire) -> Access | None:
        """What the person is to the session."""
        share = self.shares.to(person.user, session["id"])
        mode = None if share is None else share.mode
        administrators_mode = Mode(self.settings.config.administrators.display)
        return access_of(person, session["user"], mode, administrators_mode)

    def share_of(self, person: Person, session: Wire) -> Share | None:
        """The share that the person comes by to somebody else's session."""
        own = session["user"] == person.user
        return None if own else self.shares.to(person.user, session["id"])

    def shown(self, session: Wire, person: Person, access: Access) -> dict[str, Any]:
        """The session with what the person is to it."""
        waits = session["phase"] == "suspended" and self.share_of(person, session) is not None
        mine = {
            "role": access.role.value,
            "mode": access.mode.value,
            "paused": waits and self.pauses.holds(session["id"]),
        }
        return {**session, "access": mine}

    def visible(self, person: Person, session_id: str, *, everybody: bool) -> Wire | None:
        """The session as the person sees it, ``None`` if they do not; asks nobody.

        ``everybody``: also what an administrator sees for being one.
        """
        session = self.mirror.sessions.get(session_id)
        if session is None:
            return None
        access = self.access(person, session)
        if access is None or not (everybody or self._is_theirs(person, session)):
            return None
        return self.shown(session, person, access)

    def all_visible(self, person: Person, *, everybody: bool) -> list[Wire]:
        """What the person sees, newest first. Raises UnreachableError."""
        self.mirror.require_synced()
        seen = (self.visible(person, each, everybody=everybody) for each in self.mirror.sessions)
        return sorted(filter(None, seen), key=lambda each: str(each["id"]), reverse=True)

    def all_known(self, person: Person) -> list[Wire]:
        """What the person may see, as far as it is known now, in no order."""
        sessions = self.mirror.sessions.values()
        return [each for each in sessions if self.access(person, each) is not None]

    async def find(self, person: Person, session_id: str, act: Act) -> tuple[Wire, Access]:
        """The session, for this act. Raises NotFoundError, ForbiddenError, UnreachableError."""
        session = await self.session(session_id)
        return session, require(self.access(person, session), act)

    async def session(self, session_id: str) -> Wire:
        """The session, whoever asks. Raises NotFoundError, UnreachableError."""
        if not (
            len(session_id) <= _ID_CHARACTERS and session_id.isascii() and session_id.isalnum()
        ):
            raise NotFoundError
        known = self.mirror.sessions.get(session_id)
        if known is not None:
            return known
        # One that was started a moment ago, by another web server.
        try:
            session = (await self.upstream.call("GET", f"/v1/sessions/{session_id}")).object
        except RelayError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                # In the words that hide what one may not see.
                raise NotFoundError from None
            raise
        self.mirror.absorb(session)
        return session

    def _is_theirs(self, person: Person, session: Wire) -> bool:
        return session["user"] == person.user or (
            self.shares.to(person.user, session["id"]) is not None
        )
