"""Two connections as one: what comes on either is written to the other, unread.

Backpressure is the sockets' own: an end that does not take what is written to it stops the other
from being read, so that what is held is bounded by the transports' buffers.

    browser ── BrowserEnd ⇄ RelayEnd ── relay
"""

from __future__ import annotations

import asyncio
from typing import Any

from portal.display.frames import FrameCounter, close_frame

HIGH_BYTES = 256 * 1024
"""As much may wait for an end before the other is stopped; memory per display is twice that."""

_CLOSE_SECONDS = 5.0
"""For what is on its way, the close with its code at the end of it, and for the browser's own."""


class End(asyncio.Protocol):
    """One end; what it reads goes to ``other``, once there is one."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.carried_bytes = 0
        """What was read here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: the connection is there."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a display is a stream")
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_BYTES)

    def data_received(self, data: bytes) -> None:
        """Asyncio's: hand it on."""
        self.carried_bytes += len(data)
        if self.other is not None:
            self.other.write(data)

    def write(self, data: bytes) -> None:
        """Write what the other end has read."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self) -> None:
        """Asyncio's: this end takes nothing at the moment, so nothing more is read for it."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Asyncio's: it takes again."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Asyncio's: half a connection is none; what was read before is still written."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 how is all the same
        """Asyncio's: the other end goes as well, after what is written to it."""
        if not self.lost.done():
            self.lost.set_result(None)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class BrowserEnd(End):
    """The browser's; it can be told why it is closed, between two frames of the relay's.

    ``predecessor`` had the connection up to the upgrade, and hears when it is lost.
    """

    def __init__(self, predecessor: asyncio.Protocol) -> None:
        super().__init__()
        self._predecessor = predecessor
        self._frames = FrameCounter()
        self._answers = FrameCounter()
        self._verdict: bytes | None = None

    def data_received(self, data: bytes) -> None:
        """Asyncio's: hand it on; after the verdict wait for the browser's own close, and go."""
        self._answers.pass_by(data)
        if self._verdict is None:
            super().data_received(data)
        elif self._answers.closed and self.transport is not None:
            self.transport.close()

    def write(self, data: bytes) -> None:
        """Write what the relay says, up to the verdict."""
        if self._verdict is None:
            self._frames.pass_by(data)
            super().write(data)
            return
        # Only what completes the frame that has begun.
        super().write(data[: self._frames.pass_by(data, to_boundary=True)])
        self._say_verdict()

    def dismiss(self, code: int) -> None:
        """Close with this code, as soon as the frame that is passing is complete."""
        if self._verdict is None:
            self._verdict = close_frame(code)
            self._say_verdict()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: the browser is gone."""
        super().connection_lost(exc)
        self._predecessor.connection_lost(exc)

    def _say_verdict(self) -> None:
        if self._verdict is not None and self._frames.at_boundary and not self._frames.closed:
            # It passes by as well, and so is said once.
            self._frames.pass_by(self._verdict)
            super().write(self._verdict)


async def carry(browser: BrowserEnd, relay: End, dismissed: asyncio.Future[int]) -> int | None:
    """Return when both are gone; with the code, if it was ``dismissed`` that ended it."""
    ends: set[asyncio.Future[Any]] = {browser.lost, relay.lost, dismissed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    code = None
    if dismissed.done() and not browser.lost.done() and not relay.lost.done():
        code = dismissed.result()
        browser.dismiss(code)
    # One that takes nothing, or does not answer a close, keeps the connection for ever.
    await asyncio.wait({browser.lost}, timeout=_CLOSE_SECONDS)
    for end in (browser, relay):
        if end.transport is not None and not end.lost.done():
            end.transport.abort()
    await asyncio.wait({browser.lost, relay.lost})
    return code
