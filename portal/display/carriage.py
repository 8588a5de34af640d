"""``/v1/sessions/{id}/display``: a browser's WebSocket, carried to the relay.

    own page (403) -> known ticket (401) -> the relay is asked for the same upgrade
        -> it refuses: its answer is handed on, and kept for the page to ask for
        -> 101: handed on as it came; from then on bytes, both ways, until one end is gone

The handshake is between browser and relay (key, protocol, no extension), so frames pass untouched.
Of what follows, aiohttp knows nothing: the connection has another protocol then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import structlog
from aiohttp import web

from portal.display.admissions import Admission, Admissions, Label
from portal.display.live import LiveDisplay, LiveDisplays
from portal.display.relay_end import SWITCHING, Head, NoAnswerError, RelayEnd, upgrade_request
from portal.display.splice import BrowserEnd, carry
from portal.errors import ProblemError
from portal.request_id import request_headers
from portal.upstream.client import Upstream, refusal, unreachable
from portal.web.caller import CALLER, Callers, remote_of

_ANSWER_SECONDS = 30.0
"""The relay resumes the session and waits for its agent meanwhile."""

_HANDED_ON = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")

_log = structlog.get_logger()


class Carriage:
    """The one route of displays."""

    def __init__(
        self,
        upstream: Upstream,
        admissions: Admissions,
        live: LiveDisplays,
        callers: Callers,
        verdict: Callable[[Label], int | None],
    ) -> None:
        self._upstream = upstream
        self._admissions = admissions
        self._live = live
        self._callers = callers
        self._verdict = verdict

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/v1/sessions/{id}/display", self.connect, allow_head=False)]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Carry one, from its first byte to its last."""
        self._callers.require_own_page(request)
        admission = self._admissions.take(request.query.get("ticket", ""))
        if admission is None or not self._is_for(request, admission.label):
            detail = "The ticket is not valid: it was used, has expired, or never was one."
            raise ProblemError(401, "ticket_invalid", detail)
        _require_websocket(request)
        try:
            return await self._carry(request, admission)
        except ProblemError as error:
            self._admissions.note_refusal(admission.label.connection, error)
            raise

    def _is_for(self, request: web.Request, label: Label) -> bool:
        """Whether what it was given for holds, and it is used in the browser that it was given."""
        sign_in = request[CALLER].sign_in
        is_here = label.sign_in is None or (sign_in is not None and sign_in.id == label.sign_in)
        return is_here and self._verdict(label) is None

    async def _carry(self, request: web.Request, admission: Admission) -> web.StreamResponse:
        relay = await self._connected()
        try:
            head = await self._upgraded(relay, request)
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
            return await RelayEnd.connect(self._upstream.socket)
        except (OSError, TimeoutError) as error:
            raise unreachable(self._upstream.socket, error) from error

    async def _upgraded(self, relay: RelayEnd, request: web.Request) -> Head:
        """The relay's 101. Raises its refusal as RelayError, or UnreachableError."""
        path = f"/v1/sessions/{quote(request.match_info['id'], safe='')}/display"
        ticket = quote(request.query.get("ticket", ""), safe="")
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
        headers |= {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        headers |= {"X-Forwarded-For": remote_of(request).address, **request_headers()}
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                head = await relay.ask(upgrade_request(f"{path}?ticket={ticket}", headers))
                if head.status == SWITCHING:
                    return head
                body = await relay.body(head)
        except UnicodeEncodeError:
            raise ProblemError(400, "bad_request", "The handshake is not ASCII.") from None
        except (NoAnswerError, TimeoutError) as error:
            raise unreachable(self._upstream.socket, error) from error
        if head.status == HTTPStatus.UNAUTHORIZED:
            raise ProblemError(401, "ticket_invalid", "The ticket was used, revoked or is too old.")
        raise refusal(head.status, head.headers, body)

    async def _accompany(
        self, request: web.Request, admission: Admission, browser: BrowserEnd, relay: RelayEnd
    ) -> None:
        display = LiveDisplay(admission.session_id, admission.label, lambda: browser.carried_bytes)
        self._live.add(display)
        if (code := self._verdict(admission.label)) is not None:
            # It ended while the relay was asked, when nobody could know of this display.
            display.dismissed.set_result(code)
        log = _log.bind(session_id=admission.session_id, connection=admission.label.connection)
        if (person := request[CALLER].person) is not None:
            log = log.bind(user=person.user)
        log.info("display_opened", remote=remote_of(request).address, share=admission.label.share)
        begun, code = time.monotonic(), None
        try:
            code = await carry(browser, relay, display.dismissed)
        finally:
            # Broken off, perhaps: aiohttp hears of it when the browser has left.
            self._live.remove(display)
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
