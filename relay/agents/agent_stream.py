"""A connection on the display socket: a line that says whose and which it is, then RFB bytes.

    FASTX-DISPLAY/1 <token> <stream> [descriptor] LF   ->   OK LF  or  ERROR <code> LF

With ``descriptor`` the agent passes the X server's socket next (``handover.py``), and if it is
taken the bytes go by way of that.

Codes: ``bad_handshake``, ``unauthorized``, ``unavailable``, ``unknown_stream``. The agent may be
anybody who can reach the socket, until the line is judged; it is hostile input after that, too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from relay.agents.handover import Handover, Received
from relay.agents.passed_socket import PassedSocket
from relay.defence.guesses import Guesses
from relay.defence.offences import Offence, Offences
from relay.peers import peer_of

_GREETING = "FASTX-DISPLAY/1"
_PASSES = "descriptor"
_LINE_BYTES = 512
UNAUTHORIZED = "unauthorized"
"""The code for a token that is nobody's."""


class RefusedError(Exception):
    """The handshake is not accepted; ``str(error)`` is the code that the agent is told."""


class Handshakes:
    """What display connections share before they are known: bounds, and who judges them."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        judge: Callable[[str, str, AgentStream], None],
        *,
        guesses: Guesses,
        offences: Offences,
        per_uid: int,
        deadline_seconds: float,
        buffer_bytes: int,
    ) -> None:
        self.judge = judge
        self.guesses = guesses
        self.offences = offences
        self.deadline_seconds = deadline_seconds
        self.buffer_bytes = buffer_bytes
        self._per_uid = per_uid
        self._open: dict[AgentStream, int | None] = {}
        self._of_uid: dict[int | None, dict[AgentStream, None]] = {}

    def enter(self, stream: AgentStream, uid: int | None) -> None:
        """Note a new connection; the oldest of its user goes if too many said nothing yet."""
        mine = self._of_uid.setdefault(uid, {})
        if len(mine) >= self._per_uid:
            oldest = next(iter(mine))
            self.offences.note_peer(Offence.HANDSHAKES, oldest.transport)
            self.leave(oldest)
            oldest.abort()
        self._of_uid.setdefault(uid, mine)[stream] = None
        self._open[stream] = uid

    def leave(self, stream: AgentStream) -> None:
        """The connection is judged or gone."""
        if stream not in self._open:
            return
        uid = self._open.pop(stream)
        mine = self._of_uid[uid]
        del mine[stream]
        if not mine:
            del self._of_uid[uid]

    def abort_all(self) -> None:
        """Cut every connection that is not judged yet."""
        for stream in tuple(self._open):
            stream.abort()


class AgentStream(asyncio.Protocol):
    """The agent's end of one display. Reads pause above a bound; writes wait for the agent."""

    def __init__(self, handshakes: Handshakes) -> None:
        self._handshakes = handshakes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._line: bytearray | None = bytearray()
        self._chunks: deque[bytes] = deque()
        self._held_bytes = 0
        self._reading = True
        self._lost = False
        self._passes = False
        """Whether the agent can pass the X server's socket."""
        self._handover: Handover | None = None
        self._passed: PassedSocket | None = None
        self._on_settled: Callable[[], None] | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        peer = peer_of(transport)
        self._handshakes.enter(self, peer.uid if peer else None)
        seconds = self._handshakes.deadline_seconds
        self._deadline = self._loop.call_later(seconds, self._too_late)

    def data_received(self, data: bytes) -> None:
        """Take the handshake's line, then keep what comes for ``read``."""
        if self._line is not None:
            self._line += data
            self._shake_hands()
            return
        if self._passed is not None:
            # Everything there is to say is said elsewhere.
            self.abort()
            return
        self._chunks.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= self._handshakes.buffer_bytes and self._transport is not None:
            self._transport.pause_reading()
            self._reading = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 both ends are the same here
        """Nothing comes any more; what was kept can still be read."""
        self._lost = True
        self._judged()
        if self._passed is not None:
            self._passed.close()
        self._settle()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The agent does not take what is written."""
        if self._writer is None:
            self._writer = self._loop.create_future()

    def resume_writing(self) -> None:
        """The agent takes it again, or never will."""
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)
        self._writer = None

    # -- what the relay calls

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """Its socket's."""
        return self._transport

    @property
    def passed(self) -> PassedSocket | None:
        """The X server's own socket, if the agent has passed it."""
        return self._passed

    def accept(self, on_settled: Callable[[], None]) -> None:
        """Tell the agent that this is its stream's place; called back when bytes can flow."""
        self._on_settled = on_settled
        if self._transport is None:
            return
        if self._passes:
            self._handover = Handover(self._transport, self._take)
        self._transport.write(b"OK\n")
        if not self._passes:
            self._settle()

    async def read(self) -> bytes:
        """The next bytes of the X server, one reader at a time; empty at the end."""
        if self._passed is not None:
            return await self._passed.read()
        while not self._chunks:
            if self._lost:
                return b""
            self._reader = self._loop.create_future()
            await self._reader
        chunk = self._chunks.popleft()
        self._held_bytes -= len(chunk)
        self._resume_reading()
        return chunk

    async def write(self, data: bytes) -> None:
        """Send to the X server and wait while it takes nothing. Raises ConnectionResetError."""
        if self._passed is not None:
            await self._passed.write(data)
            return
        if self._transport is None or self._lost or self._transport.is_closing():
            raise ConnectionResetError("the agent's display connection is gone")
        self._transport.write(data)
        if self._writer is not None:
            await asyncio.shield(self._writer)

    def abort(self) -> None:
        """Cut the connection now."""
        if self._handover is not None:
            self._handover.close()
        if self._passed is not None:
            self._passed.close()
        if self._transport is not None:
            self._transport.abort()

    def _resume_reading(self) -> None:
        drained = self._held_bytes < self._handshakes.buffer_bytes // 2
        if drained and not self._reading and not self._lost and self._transport is not None:
            self._transport.resume_reading()
            self._reading = True

    # -- the handshake

    def _shake_hands(self) -> None:
        line = self._line
        if line is None:
            return
        first, newline, rest = bytes(line).partition(b"\n")
        if len(first) >= _LINE_BYTES or (not newline and len(line) >= _LINE_BYTES):
            self._refuse("bad_handshake")
        elif newline:
            self._present(first, rest)

    def _present(self, line: bytes, rest: bytes) -> None:
        try:
            words = line.decode("ascii").removesuffix("\r").split(" ")
            greeting, token, stream_id, *wishes = words
        except ValueError:
            self._refuse("bad_handshake")
            return
        if greeting != _GREETING or wishes not in ([], [_PASSES]):
            self._refuse("bad_handshake")
            return
        guesses = self._handshakes.guesses
        if guesses.are_used_up(self._transport):
            self._refuse("unavailable")
            return
        self._passes = bool(wishes)
        if self._passes and rest:
            # What comes with a descriptor must not be read before it is asked for.
            self._refuse("bad_handshake")
            return
        try:
            self._handshakes.judge(token, stream_id, self)
        except RefusedError as error:
            if str(error) == UNAUTHORIZED:
                guesses.count(self._transport)
            self._refuse(str(error))
            return
        self._line = None
        if self._handover is not None:
            # Its deadline goes on.
            return
        self._judged()
        if rest:
            self.data_received(rest)

    def _take(self, received: Received) -> None:
        """What the agent has passed, or has not."""
        self._judged()
        if received.is_offence:
            self._handshakes.offences.note_peer(Offence.DESCRIPTORS, self._transport)
        if self._transport is None or received.is_broken:
            self.abort()
            return
        self._passed = received.passed
        self._transport.write(b"TAKEN\n" if received.passed is not None else b"PUMP\n")
        self._transport.resume_reading()
        self._settle()

    def _settle(self) -> None:
        if self._on_settled is not None:
            on_settled, self._on_settled = self._on_settled, None
            on_settled()

    def _too_late(self) -> None:
        if self._handover is not None:
            # It may be frozen, or its X server have too many to accept.
            self.abort()
            return
        self._handshakes.offences.note_peer(Offence.HANDSHAKES, self._transport)
        self._refuse("bad_handshake")

    def _refuse(self, code: str) -> None:
        self._judged()
        if self._transport is not None:
            # Whatever else it sends is not read.
            self._transport.pause_reading()
            self._transport.write(f"ERROR {code}\n".encode())
            self._transport.close()

    def _judged(self) -> None:
        self._handshakes.leave(self)
        if self._handover is not None:
            self._handover.close()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
