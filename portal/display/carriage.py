"""``/v1/sessions/{id}/display``: a browser's WebSocket, brought to the relay.

    own page (403) -> known ticket (401)
        -> in clear: the connection itself is handed over, and the relay answers; a refusal is kept
        -> else, or if it is not taken: the relay is asked for the same upgrade
            -> it refuses: its answer is handed on, and kept for the page to ask for
            -> 101: handed on as it came; from then on bytes, both ways, until one end is gone

The handshake is between browser and relay (key, protocol, no extension), so frames pass untouched.
Of what follows, aiohttp knows nothing: the connection has another protocol then, or none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web

from portal.display.admissions import Admission, Admissions
from portal.display.audience import Audience
from portal.display.handover import Handed, can_be_handed, hand_over
from portal.display.labels import Label
from portal.display.live import LiveDisplay, LiveDisplays
from portal.display.relay_end import SWITCHING, Head, NoAnswerError, RelayEnd, upgrade_request
from portal.display.splice import BrowserEnd, carry
from portal.errors import ProblemError
from portal.request_id import request_headers
from portal.settings import Settings
from portal.upstream.client import Upstream, refusal, unreachable
from portal.web.caller import CALLER, Callers, remote_of

_ANSWER_SECONDS = 30.0
"""The relay resumes the session and waits for its agent meanwhile."""

_HANDED_ON = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Carriage:
    """The one route of displays."""

    upstream: Upstream
    admissions: Admissions
    live: LiveDisplays
    callers: Callers
    verdict: Callable[[Label], int | None]
    audience: Audience
    settings: Settings

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/v1/sessions/{id}/display", self.connect, allow_head=False)]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Hand one over, or carry it from its first byte to its last."""
        self.callers.require_own_page(request)
        admission = self.admissions.take(request.query.get("ticket", ""))
        if admission is None or not self._is_for(request, admission.label):
            detail = "The ticket is not valid: it was used, has expired, or never was one."
            raise ProblemError(401, "ticket_invalid", detail)
        _require_websocket(request)
        try:
            return await self._bring(request, admission)
        except ProblemError as error:
            self.admissions.note_refusal(admission.label.connection, error)
            raise

    def _is_for(self, request: web.Request, label: Label) -> bool:
        """Whether what it was given for holds, and it is used in the browser that it was given."""
        sign_in = request[CALLER].sign_in
        is_here = label.sign_in is None or (sign_in is not None and sign_in.id == label.sign_in)
        return is_here and self.verdict(label) is None

    async def _bring(self, request: web.Request, admission: Admission) -> web.StreamResponse:
        head, transport = self._head(request), request.transport
        is_wanted = self.settings.config.upstream.hand_over
        if is_wanted and transport is not None and can_be_handed(transport):
            handed = await hand_over(self.upstream.socket, head, transport)
            if handed is not None:
                self._let_go(request, admission, transport, handed)
                return _Carried()
        return await self._carry(request, admission, head)

    def _let_go(
        self,
        request: web.Request,
        admission: Admission,
        transport: asyncio.Transport,
        handed: Handed,
    ) -> None:
        """The relay has answered; what is left here is a descriptor, and what pages may ask."""
        if handed.status == SWITCHING:
            _tell_opened(request, admission, by="relay")
            if (code := self.verdict(admission.label)) is not None:
                # It ended while the relay was asked, when it could not be told.
                self.audience.note_late(admission.session_id, admission.label, code)
        else:
            problem = (
                unreachable(self.upstream.socket, ConnectionResetError())
                if handed.status is None
                else _refusal(handed.status, {}, handed.problem)
            )
            self.admissions.note_refusal(admission.label.connection, problem)
        # Closed and not shut down: the connection goes on, in the relay.
        transport.abort()

    async def _carry(
        self, request: web.Request, admission: Admission, asked: bytes
    ) -> web.StreamResponse:
        relay = await self._connected()
        try:
            head = await self._upgraded(relay, asked)
            transport = request.transport
            if transport is None or transport.is_closing():
                raise ConnectionResetError("the browser has left")
            browser = BrowserEnd(request.protocol)
            browser.connection_made(transport)
            transport.set_protocol(browser)
            transport.write(head.raw)
            relay.join(browser)
            await self._accompany(request, admission, browser, relay)
        finally:
            if relay.transport is not None:
                relay.transport.abort()
        return _Carried()

    async def _connected(self) -> RelayEnd:
        try:
            return await RelayEnd.connect(self.upstream.socket)
        except (OSError, TimeoutError) as error:
            raise unreachable(self.upstream.socket, error) from error

    def _head(self, request: web.Request) -> bytes:
        """What the relay is asked, in our words. Raises ProblemError."""
        path = f"/v1/sessions/{quote(request.match_info['id'], safe='')}/display"
        ticket = quote(request.query.get("ticket", ""), safe="")
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
        headers |= {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        headers |= {"X-Forwarded-For": remote_of(request).address, **request_headers()}
        try:
            return upgrade_request(f"{path}?ticket={ticket}", headers)
        except UnicodeEncodeError:
            raise ProblemError(400, "bad_request", "The handshake is not ASCII.") from None

    async def _upgraded(self, relay: RelayEnd, asked: bytes) -> Head:
        """The relay's 101. Raises its refusal as RelayError, or UnreachableError."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                head = await relay.ask(asked)
                if head.status == SWITCHING:
                    return head
                body = await relay.body(head)
        except (NoAnswerError, TimeoutError) as error:
            raise unreachable(self.upstream.socket, error) from error
        raise _refusal(head.status, head.headers, body)

    async def _accompany(
        self, request: web.Request, admission: Admission, browser: BrowserEnd, relay: RelayEnd
    ) -> None:
        display = LiveDisplay(admission.session_id, admission.label, lambda: browser.carried_bytes)
        self.live.add(display)
        if (code := self.verdict(admission.label)) is not None:
            # It ended while the relay was asked, when nobody could know of this display.
            display.dismissed.set_result(code)
        log = _tell_opened(request, admission, by="portal")
        begun, code = time.monotonic(), None
        try:
            code = await carry(browser, relay, display.dismissed)
        finally:
            # Broken off, perhaps: aiohttp hears of it when the browser has left.
            self.live.remove(display)
            if browser.transport is not None:
                browser.transport.abort()
            log.info(
                "display_closed",
                seconds=round(time.monotonic() - begun, 1),
                close_code=code,
                to_browser_bytes=relay.carried_bytes,
                from_browser_bytes=browser.carried_bytes,
            )


class _Carried(web.StreamResponse):
    """In the place of an answer: it was given, and there is nothing to say any more."""

    def __init__(self) -> None:
        super().__init__(status=SWITCHING)
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is sent."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is sent."""


def _tell_opened(request: web.Request, admission: Admission, *, by: str) -> Any:  # noqa: ANN401 structlog's
    """The log of this display; its end is told by who serves it."""
    label = admission.label
    log = _log.bind(session_id=admission.session_id, connection=label.connection)
    if (person := request[CALLER].person) is not None:
        log = log.bind(user=person.user)
    remote = remote_of(request).address
    log.info("display_opened", remote=remote, share=label.share, carried_by=by)
    return log


def _refusal(status: int, headers: Mapping[str, str], body: bytes) -> ProblemError:
    """The relay's, of a display."""
    if status == HTTPStatus.UNAUTHORIZED:
        return ProblemError(401, "ticket_invalid", "The ticket was used, revoked or is too old.")
    return refusal(status, headers, body)


def _require_websocket(request: web.Request) -> None:
    options = request.headers.get("Connection", "").lower().split(",")
    is_asked = "upgrade" in map(str.strip, options)
    # Without it, what is between here and the browser goes on to speak HTTP (RFC 9110, 7.8).
    if not is_asked or request.headers.get("Upgrade", "").lower() != "websocket":
        detail = "The display is a WebSocket; ask for an upgrade to it."
        raise ProblemError(426, "upgrade_required", detail, headers={"Upgrade": "websocket"})
    if request.can_read_body:
        # It would be taken for the first frames.
        raise ProblemError(400, "bad_request", "A WebSocket's handshake has no body.")
