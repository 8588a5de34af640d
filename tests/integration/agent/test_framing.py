"""What the bundle's X server sends is framed by the relay, in each encoding viewers have."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

import pytest

from relay.display.rfb import ClientStream
from relay.display.rfb_server import ServerStream
from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.lifecycle.tickets import Mode
from tests.support.agent_container import AgentContainer, AgentStage
from tests.support.clipboard import copying
from tests.support.rfb_client import NO_SECURITY, PIXEL_FORMAT, VERSION, ByteStream

pytestmark = pytest.mark.engine

ANYTHING = ["sleep", "100"]
PSEUDO = (-223, -224, -239, -258, -307, -308, -312, -313, -314, 0x574D5664, -1063131698)
WISHES = {
    "raw": (1, 0),
    "rre": (2,),
    "tight": (1, 7),
    "tight-jpeg": (7, -27, -250),
    "zrle": (16,),
}
ROUNDS = 4
READ_BYTES = 256 * 1024
CUT_TEXT = struct.pack("!BxxxI", 3, 5) + b"hello"
PROVIDE = struct.pack("!I", 0x10000001)


class Viewer:
    """One that understands nothing but the answer to its fence, and keeps what was sent."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.client = ClientStream(Mode.CONTROL, 1024, ClipboardPolicy.IN)
        self.received = bytearray()
        self.complete = 0
        """So many bytes of it end with a message."""

    async def say(self, content: bytes) -> None:
        """What the relay would let through of it."""
        await self.stream.write(self.client.feed(content).forward)

    async def read_until(self, end: bytes) -> None:
        """Everything up to these bytes; more may have come."""
        while end not in self.received[-READ_BYTES:]:
            piece = await self.stream.read()
            assert piece, "the display ended"
            self.received += piece

    async def fence(self) -> None:
        """Until the server has answered; what it said before is here then."""
        payload = os.urandom(16)
        await self.say(struct.pack("!BxxxIB", 248, 0x80000001, len(payload)) + payload)
        await self.read_until(payload)
        self.complete = self.received.rindex(payload) + len(payload)


@pytest.mark.parametrize("wishes", WISHES.values(), ids=WISHES)
async def test_the_x_servers_own_stream_is_framed(stage: AgentStage, wishes: Sequence[int]) -> None:
    """With cursors, names and sizes: all of it passes, and a text after it is found."""
    async with stage.session(ANYTHING, image=stage.sample, clipboard="both") as session:
        await session.relay.callback("ready")
        viewer = Viewer(await session.relay.open_display("framed"))
        await watch(session, viewer, (*wishes, *PSEUDO))
    server = ServerStream(viewer.client.agreed, textless=True)
    stream = bytes(viewer.received[: viewer.complete])
    kept = b"".join(server.feed(stream[at : at + 1000]) for at in range(0, len(stream), 1000))
    assert kept == stream.replace(provided(stream), b"")
    assert server.feed(CUT_TEXT) == b""


def provided(stream: bytes) -> bytes:
    """The text as the server sends it when something was copied, with its head."""
    flags = stream.index(PROVIDE + b"x\x9c")
    (size,) = struct.unpack_from("!i", stream, flags - 4)
    return stream[flags - 8 : flags - size]


async def watch(session: AgentContainer, viewer: Viewer, encodings: Sequence[int]) -> None:
    """Look at a display on which something happens, and is copied."""
    await viewer.read_until(VERSION)
    await viewer.say(VERSION)
    await viewer.read_until(b"\x01")
    await viewer.say(bytes([NO_SECURITY]) + b"\x01")
    await viewer.read_until(b"FastX")
    await viewer.say(b"\0\0\0\0" + PIXEL_FORMAT)
    await viewer.say(struct.pack(f"!BxH{len(encodings)}i", 2, len(encodings), *encodings))
    await session.relay.command(type="exec", id="copy", command=copying("text"))
    programs = "xclock & xeyes -geometry +300+100 & xlogo -geometry +500+50 &"
    await session.relay.command(type="exec", id="paint", command=f"{programs} exec glxgears")
    for number in range(ROUNDS):
        await session.relay.execute(f"wait-{number}", "sleep 0.3; xdpyinfo > /dev/null")
        await viewer.say(struct.pack("!BBHH", 5, 0, 40 * number, 40))
        await viewer.say(struct.pack("!BBHHHH", 3, 0, 0, 0, 1280, 800))
        await viewer.fence()
