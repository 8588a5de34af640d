"""Who is connected, as the relay tells it: displays need not pass here to be ended from here.

The relay serves a connection that was handed to it, and those that a proxy routes past us, for as
long as nobody ends them. It is told at once (``Admissions.take_back``); but that may fail, come too
early for one that is just being let in, or be missed because we were not there. So all who are
connected are looked at, again and again, and whoever came by what does not hold is put out.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import structlog

from portal.display.admissions import Admissions
from portal.display.labels import Label
from portal.errors import ProblemError
from portal.upstream.client import Wire

_log = structlog.get_logger()


class Audience:
    """Those who came by this portal."""

    def __init__(self, admissions: Admissions) -> None:
        self._admissions = admissions
        self._seen_bytes: dict[str, int] = {}
        """By the relay's id of a viewer: what it had sent when it was looked at last."""
        self._late: dict[tuple[str, Label], int] = {}
        """Those who are to be put out in any case, by session, and with which code."""
        self._is_blind = False
        self.in_doubt = True
        """Something may have been missed: they are to be looked at soon."""

    def note_late(self, session_id: str, label: Label, code: int) -> None:
        """What somebody came by ended while they were let in: put them out, soon."""
        self._late[session_id, label] = code
        self.in_doubt = True

    async def look(self, verdict: Callable[[Label], int | None]) -> set[str]:
        """Put out those with a verdict; ids of the sign-ins used since the last look."""
        # Before they are listed: what comes to be in doubt meanwhile is looked at once more.
        self.in_doubt = False
        await self._put_out_late()
        if (viewers := await self._viewers()) is None:
            return set()
        seen, used = self._seen_bytes, set[str]()
        self._seen_bytes = {each["id"]: each["to_agent_bytes"] for each in viewers}
        for viewer in viewers:
            label = Label.read(viewer["label"])
            if label is None or not self._admissions.is_ours(label):
                continue
            if (code := verdict(label)) is not None:
                await self._put_out(viewer["session_id"], label, code)
            elif label.sign_in and viewer["to_agent_bytes"] != seen.get(viewer["id"], 0):
                used.add(label.sign_in)
        return used

    async def _put_out_late(self) -> None:
        late, self._late = self._late, {}
        for (session_id, label), code in late.items():
            if not await self._put_out(session_id, label, code):
                self._late[session_id, label] = code

    async def _put_out(self, session_id: str, label: Label, code: int) -> bool:
        try:
            await self._admissions.put_out(session_id, str(label), code)
        except ProblemError as error:
            # The others' turn does not depend on it.
            self.in_doubt = True
            _log.warning("viewers_not_put_out", session_id=session_id, reason=error.detail)
            return False
        return True

    async def _viewers(self) -> list[Wire] | None:
        """All of them; ``None`` if the relay cannot be asked, which leaves them in doubt."""
        try:
            viewers = await self._admissions.all_viewers()
        except ProblemError as error:
            # An older relay does not know the call: it takes no connections either.
            if error.status != HTTPStatus.NOT_FOUND:
                self.in_doubt = True
                if not self._is_blind:
                    _log.warning("viewers_not_listed", reason=error.detail)
                self._is_blind = True
            return None
        self._is_blind = False
        return viewers
