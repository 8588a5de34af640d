"""What passes of a chunk of RFB, looked at in turns: a message can be of one byte, or four.

A quarter of a megabyte of them takes a quarter of a second, which whoever sends it without end
would take from everybody else.
"""

from __future__ import annotations

import asyncio

from relay.display.rfb import ClientStream, Passage
from relay.display.rfb_server import ServerStream

_SLICE_BYTES = 2048
_STEPS_A_TURN = 512
"""Then others have theirs; pictures do not come to so many."""


def sift_turn(stream: ServerStream, chunk: memoryview) -> tuple[list[bytes | memoryview], int]:
    """What goes on of as much as may be looked at in one turn, in parts; and how much that was.

    Raises RfbError; nothing of it goes on then.
    """
    kept: list[bytes | memoryview] = []
    at = 0
    while at < len(chunk) and stream.steps < _STEPS_A_TURN:
        # A picture can be passed whole: it is one step, whatever its length.
        end = min(len(chunk), at + max(_SLICE_BYTES, stream.passing_bytes))
        kept += stream.take(chunk[at:end])
        at = end
    return kept, at


async def sift_server(stream: ServerStream, chunk: bytes) -> bytes:
    """What of it goes on to the viewer. Raises RfbError; nothing of it does then."""
    kept: list[bytes | memoryview] = []
    left = memoryview(chunk)
    while left:
        passed, count = sift_turn(stream, left)
        kept += passed
        left = left[count:]
        await take_turns(stream)
    return b"".join(kept)


async def sift_client(stream: ClientStream, chunk: bytes) -> Passage:
    """What of it goes on to the agent. Raises RfbError; nothing of it does then."""
    kept, used = bytearray(), False
    for at in range(0, len(chunk), _SLICE_BYTES):
        passage = stream.feed(chunk[at : at + _SLICE_BYTES])
        kept += passage.forward
        used = used or passage.used
        await take_turns(stream)
    return Passage(bytes(kept), used=used)


async def take_turns(stream: ServerStream | ClientStream) -> None:
    """Let others have their turn, if this one has had its."""
    if stream.steps >= _STEPS_A_TURN:
        stream.steps = 0
        await asyncio.sleep(0)
