"""What ends with what: a share ends with its session and its time, displays end with both.

    share ended, expired, its session gone ──> those who came by it are put out (4003)
    sign-in ended ──> its displays are closed (4401), its event streams say so
    session gone ──> its last picture is dropped; gone or resumed ──> its pause is forgotten

Displays that the portal carries are closed here, at once; those that it has handed to the relay,
or that a proxy carries past it, are put out by the relay, by label. Who is connected is looked at
again and again, too: what could not be done at once is done then, after a restart as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from portal.access import Person
from portal.display.admissions import Admissions
from portal.display.audience import Audience
from portal.display.close_codes import REVOKED, SIGNED_OUT, SUSPENDED
from portal.display.labels import Label
from portal.display.live import LiveDisplays
from portal.errors import StoreError
from portal.pictures import Pictures
from portal.roster import Roster
from portal.sign_in.sign_ins import SignIn, SignIns
from portal.store.share_rows import Share

TICK_SECONDS = 1.0
_EXPIRY_TICKS = 30
"""Sign-ins are looked through once in so many ticks."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Revocation:
    """Ends things, and ``run`` ends them when it is time."""

    roster: Roster
    admissions: Admissions
    audience: Audience
    live: LiveDisplays
    sign_ins: SignIns
    pictures: Pictures
    tick_seconds: float

    async def end_shares(self, shares: Sequence[Share]) -> None:
        """They hold no more; who came by them is put out. Raises StoreError."""
        ids = {share.id for share in shares}

        def concerns(label: Label) -> bool:
            return label.share in ids

        try:
            await self.roster.shares.end(shares)
        finally:
            # They are void now, whatever the store says of the next life.
            for session_id in {share.session_id for share in shares}:
                self.roster.mirror.tell_shares(session_id)
                await self._take_back(session_id, concerns, REVOKED)
            self.live.dismiss(concerns, REVOKED)

    def verdict(self, label: Label) -> int | None:
        """With what a display is closed whose share or sign-in has ended; ``None``: they hold."""
        if label.share is not None:
            share = self.roster.shares.find(label.share)
            if share is None:
                return REVOKED
            if self.roster.pauses.holds(share.session_id):
                return SUSPENDED
        if label.sign_in is not None and self.sign_ins.by_id(label.sign_in) is None:
            return SIGNED_OUT
        return None

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="revocation")
            tasks.create_task(self._follow_sign_ins(), name="sign-ins")

    async def _follow_sign_ins(self) -> None:
        while True:
            await self._close_displays(await self.sign_ins.ended.get())

    async def _close_displays(self, sign_in: SignIn) -> None:
        def concerns(label: Label) -> bool:
            return label.sign_in == sign_in.id

        self.live.dismiss(concerns, SIGNED_OUT)
        known = self.roster.all_known(Person(sign_in.user))
        watched = {each["id"] for each in known if any(each["viewers"].values())}
        for session_id in watched | self.admissions.visited(sign_in.id):
            await self._take_back(session_id, concerns, SIGNED_OUT)
        # An administrator may have come to any session, in an earlier life of ours.
        self.audience.in_doubt = True

    async def _take_back(
        self, session_id: str, concerns: Callable[[Label], bool], code: int
    ) -> None:
        if not await self.admissions.take_back(session_id, concerns, code):
            self.audience.in_doubt = True

    async def _tick(self) -> None:
        ticks = 0
        while True:
            try:
                await self._end_what_is_over()
                if ticks % _EXPIRY_TICKS == 0:
                    await self._expire_sign_ins()
                elif self.audience.in_doubt:
                    await self._use(await self.audience.look(self.verdict))
            except StoreError as error:
                _log.error("store_failed", error=str(error))
            ticks += 1
            await asyncio.sleep(self.tick_seconds)

    async def _end_what_is_over(self) -> None:
        over = self.roster.shares.over()
        if self.roster.mirror.synced.is_set():
            gone = [each for each in self.roster.shares.sessions() if not self._is_there(each)]
            over += [share for each in gone for share in self.roster.shares.of_session(each)]
            self.pictures.drop_ended()
            await self.roster.pauses.forget_resumed()
        if over:
            _log.info("shares_over", shares=[share.id for share in over])
            await self.end_shares(over)

    def _is_there(self, session_id: str) -> bool:
        session = self.roster.mirror.sessions.get(session_id)
        return session is not None and session["phase"] != "ended"

    async def _expire_sign_ins(self) -> None:
        await self._use(self.live.used_sign_ins() | await self.audience.look(self.verdict))
        await self.sign_ins.expire()

    async def _use(self, sign_ins: set[str]) -> None:
        """Displays by them were used."""
        for sign_in_id in sign_ins:
            if (sign_in := self.sign_ins.by_id(sign_in_id)) is not None:
                await self.sign_ins.use(sign_in)
