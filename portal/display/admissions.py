"""Tickets of the relay's for viewers, labelled so that each can be taken back.

What is kept here are tickets that are not used yet; who has come by one, the relay tells.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog

from portal.access import Mode
from portal.display.close_codes import REVOKED
from portal.display.labels import Label, new_connection
from portal.errors import NotFoundError, ProblemError, RelayError, TooManyError
from portal.pauses import PausedError, Pauses
from portal.shares import Shares
from portal.sign_in.sign_ins import SignIn
from portal.store.share_rows import Share
from portal.upstream.client import Upstream, Wire

_TICKET_SECONDS = 30
_NAME_CHARACTERS = 64
GUESTS_PER_SESSION = 192
"""Tickets of guests that may be out at once: the relay keeps 256 of a session, for everybody ..."""
GUESTS_PER_SHARE = 64
"""... and those that may be of one share."""
_REFUSALS = 1000
"""So many are kept, the newest."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Admission:
    """A ticket that was given out."""

    session_id: str
    label: Label
    expires_at: float
    """In seconds of ``time.monotonic``: of the ticket, not of the display."""


class Admissions:
    """Gives tickets, and takes them back with whoever came by them."""

    def __init__(self, upstream: Upstream, shares: Shares, pauses: Pauses, mark: str) -> None:
        self._mark = mark
        self._upstream = upstream
        self._shares = shares
        self._pauses = pauses
        self._given: dict[str, Admission] = {}
        """By ticket, those not used yet."""
        self._asked: set[Admission] = set()
        """The relay makes their tickets at the moment."""
        self._refusals: dict[str, ProblemError] = {}
        self._visited: defaultdict[str, set[str]] = defaultdict(set)
        """Ids of the sessions that each sign-in was admitted to, in this life."""

    async def give(
        self,
        session_id: str,
        mode: Mode,
        name: str,
        *,
        share: Share | None,
        sign_in: SignIn | None,
    ) -> dict[str, Any]:
        """Admission to a display, as the page is told.

        Raises RelayError, UnreachableError; NotFoundError if what it is by has ended meanwhile,
        PausedError if guests are to wait, TooManyError if they have too many.
        """
        share_id = None if share is None else share.id
        sign_in_id = None if sign_in is None else sign_in.id
        label = Label(share_id, sign_in_id, new_connection(self._mark))
        if share_id is not None:
            self._require_leave(session_id)
            self._require_room(session_id, share_id)
        asked = Admission(session_id, label, time.monotonic() + _TICKET_SECONDS)
        self._asked.add(asked)
        try:
            ticket = await self._ticket(session_id, mode, name, label)
        finally:
            self._asked.discard(asked)
        try:
            self._require_held(session_id, share, sign_in)
        except ProblemError:
            # Who took back what was out could not know of this one.
            await self.put_out(session_id, str(label), REVOKED)
            raise
        if sign_in_id is not None:
            self._visited[sign_in_id].add(session_id)
        now = time.monotonic()
        self._given = {key: each for key, each in self._given.items() if each.expires_at > now}
        self._given[ticket["ticket"]] = Admission(session_id, label, now + _TICKET_SECONDS)
        return {
            "path": ticket["path"],
            "mode": ticket["mode"],
            "connection": label.connection,
            "expires_at": ticket["expires_at"],
        }

    def note_refusal(self, connection: str, problem: ProblemError) -> None:
        """Keep why an admission did not lead to a display: a WebSocket cannot tell its page."""
        self._refusals = dict(list(self._refusals.items())[-_REFUSALS:])
        self._refusals[connection] = problem

    def refusal(self, connection: str) -> ProblemError | None:
        """Why that connection did not come about; ``None``: it did, or nothing is known."""
        return self._refusals.get(connection)

    def take(self, ticket: str) -> Admission | None:
        """The admission of a ticket that is about to be used; ``None``: it is unknown here."""
        return self._given.get(ticket)

    def visited(self, sign_in: str) -> set[str]:
        """Ids of the sessions that a sign-in, which has ended, was admitted to."""
        return self._visited.pop(sign_in, set())

    async def viewers(self, session_id: str) -> list[Wire]:
        """Who is connected, as the relay tells it; raises as ``Upstream.call``."""
        answer = await self._upstream.call("GET", f"/v1/sessions/{session_id}/viewers")
        viewers: list[Wire] = answer.object["viewers"]
        return viewers

    async def all_viewers(self) -> list[Wire]:
        """Who is connected to any session; raises as ``Upstream.call``."""
        viewers: list[Wire] = (await self._upstream.call("GET", "/v1/viewers")).object["viewers"]
        return viewers

    def is_ours(self, label: Label) -> bool:
        """Whether it was given by this portal, in this life or another."""
        return label.connection.startswith(self._mark)

    async def take_back(
        self, session_id: str, concerns: Callable[[Label], bool], code: int
    ) -> bool:
        """Void tickets and put viewers out with ``code`` whose label ``concerns``.

        False: that failed, and is told in the log.
        """
        mine = [
            (ticket, each)
            for ticket, each in self._given.items()
            if each.session_id == session_id and concerns(each.label)
        ]
        for ticket, _ in mine:
            del self._given[ticket]
        labels = {str(each.label) for _, each in mine}
        try:
            for viewer in await self.viewers(session_id):
                label = Label.read(viewer["label"])
                if label is not None and concerns(label):
                    labels.add(str(label))
            for text in labels:
                await self.put_out(session_id, text, code)
        except ProblemError as error:
            _log.warning("viewers_not_put_out", session_id=session_id, reason=error.detail)
            return False
        return True

    async def put_out(self, session_id: str, label: str, code: int) -> None:
        """Void the ticket and close the display of one label; raises as ``Upstream.call``."""
        path, query = f"/v1/sessions/{session_id}/tickets", {"label": label}
        with_code = query if code == REVOKED else {**query, "code": str(code)}
        try:
            await self._upstream.call("DELETE", path, query=with_code)
        except RelayError as error:
            if error.status == HTTPStatus.UNPROCESSABLE_ENTITY and with_code != query:
                # An older relay, which has one code for all.
                await self._upstream.call("DELETE", path, query=query)
            elif error.status != HTTPStatus.NOT_FOUND:
                raise

    def _require_room(self, session_id: str, share: str) -> None:
        """Raise TooManyError: a guest who asks in a loop shall not keep the owner out."""
        now = time.monotonic()
        shares = [
            each.label.share
            for each in (*self._asked, *self._given.values())
            if each.session_id == session_id and each.label.share and each.expires_at > now
        ]
        if len(shares) >= GUESTS_PER_SESSION or shares.count(share) >= GUESTS_PER_SHARE:
            detail = "Too many come to this session at the moment; try again."
            raise TooManyError("too_many_guests", detail, _TICKET_SECONDS)

    def _require_leave(self, session_id: str) -> None:
        """Raise PausedError: who asks is a guest, by whom it would be resumed."""
        if self._pauses.holds(session_id):
            raise PausedError

    def _require_held(self, session_id: str, share: Share | None, sign_in: SignIn | None) -> None:
        """Raise NotFoundError, PausedError unless what somebody was let in by is still good."""
        if sign_in is not None and sign_in.ended.is_set():
            raise NotFoundError
        if share is not None:
            if self._shares.find(share.id) is None:
                raise NotFoundError
            self._require_leave(session_id)

    async def _ticket(self, session_id: str, mode: Mode, name: str, label: Label) -> Wire:
        wish = {
            "mode": mode.value,
            "guest": name[:_NAME_CHARACTERS],
            "label": str(label),
            "ttl_seconds": _TICKET_SECONDS,
        }
        return (
            await self._upstream.call("POST", f"/v1/sessions/{session_id}/tickets", wish)
        ).object
