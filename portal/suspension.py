"""Suspending a session by hand: its last picture is kept, and guests wait until it is resumed."""

from __future__ import annotations

from dataclasses import dataclass

from portal.display.admissions import Admissions
from portal.display.close_codes import SUSPENDED
from portal.display.labels import Label
from portal.pauses import Pauses
from portal.pictures import Pictures
from portal.upstream.client import Answer, Upstream, Wire
from portal.upstream.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Suspension:
    """Suspends."""

    upstream: Upstream
    mirror: Mirror
    pictures: Pictures
    pauses: Pauses
    admissions: Admissions

    async def suspend(self, session: Wire) -> Answer:
        """The relay's answer. Raises RelayError, UnreachableError."""
        session_id = session["id"]
        with self.pauses.asked(session_id):
            if session["phase"] == "running":
                await self.pictures.take_last(session_id)
            answer = await self.upstream.call("POST", f"/v1/sessions/{session_id}/suspend")
            self.mirror.absorb(answer.object)
            await self.pauses.note(session_id)
        # Tickets that guests have not used would resume it, past the portal.
        await self.admissions.take_back(session_id, _is_guests, SUSPENDED)
        return answer


def _is_guests(label: Label) -> bool:
    return label.share is not None
