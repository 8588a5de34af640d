r"""A small RFB 3.8 viewer (RFC 6143) for tests and the demo: sees, types, points, pastes.

It runs over any duplex byte stream: ``WebSocketStream`` for the relay's display endpoint,
``SocketStream`` for a server's own socket. Only what a test needs: security type None, raw
pixels, true colour, resizing by the server. One task reads; every wait takes a deadline from its
caller (``asyncio.timeout``).

    async with RfbClient.connect(stream) as screen:
        await screen.refresh()
        await screen.type_text("date\n")
        screen.image().save("screen.png")
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from aiohttp import WSMsgType
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from aiohttp import ClientWebSocketResponse

VERSION = b"RFB 003.008\n"
NO_SECURITY = 1
RAW, DESKTOP_SIZE = 0, -223
# 32 bits a pixel, depth 24, little endian, true colour, 8 bits each, blue in the lowest byte.
PIXEL_FORMAT = struct.pack("!BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
KEYSYMS = {"\n": 0xFF0D, "\r": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08, "\x1b": 0xFF1B, "\x7f": 0xFFFF}
UNICODE_KEYSYMS = 0x01000000


class RfbError(Exception):
    """The other side does not speak RFB as expected, refused, or closed the stream."""


class ServerMessage(IntEnum):
    """What a server sends (RFC 6143, 7.6)."""

    FRAMEBUFFER_UPDATE = 0
    SET_COLOUR_MAP = 1
    BELL = 2
    CUT_TEXT = 3


class ByteStream(Protocol):
    """Bytes both ways, without any boundary that means something."""

    async def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        ...

    async def write(self, content: bytes) -> None:
        """Send all of ``content``."""
        ...


class SocketStream:
    """A connection made with ``asyncio.open_unix_connection`` or ``open_connection``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        return await self._reader.read(65536)

    async def write(self, content: bytes) -> None:
        """Send all of ``content``."""
        self._writer.write(content)
        await self._writer.drain()


class WebSocketStream:
    """A WebSocket whose binary messages are pieces of one stream."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        """Return the next message; empty when the other side closed.

        Raises ``RfbError`` on anything but a binary message.
        """
        message = await self._socket.receive()
        if message.type is WSMsgType.BINARY:
            content: bytes = message.data
            return content
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
            return b""
        raise RfbError(
            f"the relay sent a {message.type.name} message where only binary ones belong"
        )

    async def write(self, content: bytes) -> None:
        """Send ``content`` as one message."""
        await self._socket.send_bytes(content)


class RfbClient:
    """One viewer. Made by ``connect``; the picture is kept current by a task of its own."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._received = bytearray()
        self._changed = asyncio.Condition()
        self._failure: RfbError | None = None
        self._canvas = Image.new("RGB", (1, 1))
        self.name = ""
        self.updates = 0
        """Framebuffer updates taken so far."""
        self.bells = 0
        self.cut_texts: list[str] = []
        """What the server put on the clipboard, oldest first."""
        self.agreements: list[int] = []
        """Flags of the extended clipboard's messages; it is spoken of only if asked for."""

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, stream: ByteStream, *, shared: bool = True, encodings: Iterable[int] = ()
    ) -> AsyncIterator[RfbClient]:
        """Shake hands over ``stream``, follow the display within the block.

        ``encodings`` are asked for as well; what of them paints is not understood.
        """
        client = cls(stream)
        await client._shake_hands(shared=shared, encodings=(RAW, DESKTOP_SIZE, *encodings))
        following = asyncio.create_task(client._follow(), name="rfb-client")
        try:
            yield client
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self._canvas.size

    def image(self) -> Image.Image:
        """Return a copy of what the display shows, as far as it was received."""
        return self._canvas.copy()

    async def refresh(self) -> None:
        """Ask for the whole picture and wait until an update came."""
        before = self.updates
        await self._request_update(incremental=False)
        await self.wait_until(lambda: self.updates > before)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is asked again after every message.

        Raises ``RfbError`` when the stream ends first.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: condition() or self._failure is not None)
        if self._failure is not None and not condition():
            raise self._failure

    async def wait_closed(self) -> None:
        """Wait until the other side has ended the stream."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None)

    async def type_text(self, text: str) -> None:
        """Press and release the key of every character; newline is Return."""
        for character in text:
            await self.press_key(keysym_of(character))

    async def press_key(self, keysym: int) -> None:
        """Press and release one key."""
        await self.key_event(keysym, down=True)
        await self.key_event(keysym, down=False)

    async def key_event(self, keysym: int, *, down: bool) -> None:
        """Send half a keystroke."""
        await self._stream.write(struct.pack("!BBxxI", 4, down, keysym))

    async def point(self, x: int, y: int, buttons: int = 0) -> None:
        """Move the pointer; ``buttons`` has bit 0 for the left one, held down."""
        await self._stream.write(struct.pack("!BBHH", 5, buttons, x, y))

    async def click(self, x: int, y: int) -> None:
        """Click the left button at a place."""
        for buttons in (0, 1, 0):
            await self.point(x, y, buttons)

    async def paste(self, text: str) -> None:
        """Put ``text`` (Latin-1) on the server's clipboard."""
        content = text.encode("latin-1")
        await self._stream.write(struct.pack("!BxxxI", 6, len(content)) + content)

    async def _shake_hands(self, *, shared: bool, encodings: tuple[int, ...]) -> None:
        version = await self._exactly(len(VERSION))
        if not version.startswith(b"RFB 003."):
            raise RfbError(f"not an RFB server: it began with {version!r}")
        await self._stream.write(VERSION)
        (count,) = await self._exactly(1)
        if count == 0:
            raise RfbError(f"refused: {await self._reason()}")
        offered = await self._exactly(count)
        if NO_SECURITY not in offered:
            raise RfbError(f"security types {list(offered)} are offered, None (1) is not")
        await self._stream.write(bytes([NO_SECURITY]))
        (result,) = struct.unpack("!I", await self._exactly(4))
        if result != 0:
            raise RfbError(f"refused: {await self._reason()}")
        await self._stream.write(bytes([shared]))
        width, height, name_bytes = struct.unpack("!HH16xI", await self._exactly(24))
        self.name = (await self._exactly(name_bytes)).decode("utf-8", "replace")
        self._canvas = Image.new("RGB", (width, height))
        await self._stream.write(b"\0\0\0\0" + PIXEL_FORMAT)
        await self._stream.write(
            struct.pack(f"!BxH{len(encodings)}i", 2, len(encodings), *encodings)
        )
        await self._request_update(incremental=False)

    async def _reason(self) -> str:
        (length,) = struct.unpack("!I", await self._exactly(4))
        return (await self._exactly(length)).decode("utf-8", "replace")

    async def _follow(self) -> None:
        while self._failure is None:
            try:
                await self._take_message()
            except (RfbError, OSError) as error:
                self._failure = error if isinstance(error, RfbError) else RfbError(str(error))
            async with self._changed:
                self._changed.notify_all()

    async def _take_message(self) -> None:
        (kind,) = await self._exactly(1)
        match kind:
            case ServerMessage.FRAMEBUFFER_UPDATE:
                await self._take_update()
            case ServerMessage.SET_COLOUR_MAP:
                (count,) = struct.unpack("!xxxH", await self._exactly(5))
                await self._exactly(6 * count)
            case ServerMessage.BELL:
                self.bells += 1
            case ServerMessage.CUT_TEXT:
                (length,) = struct.unpack("!xxxi", await self._exactly(7))
                content = await self._exactly(abs(length))
                if length < 0:
                    self.agreements.append(struct.unpack_from("!I", content)[0])
                else:
                    self.cut_texts.append(content.decode("latin-1"))
            case _:
                raise RfbError(f"unknown server message {kind}")

    async def _take_update(self) -> None:
        (count,) = struct.unpack("!xH", await self._exactly(3))
        for _ in range(count):
            x, y, width, height, encoding = struct.unpack("!HHHHi", await self._exactly(12))
            if encoding == DESKTOP_SIZE:
                resized = Image.new("RGB", (width, height))
                resized.paste(self._canvas, (0, 0))
                self._canvas = resized
            elif encoding == RAW:
                pixels = await self._exactly(width * height * 4)
                if width and height:
                    part = Image.frombytes("RGB", (width, height), pixels, "raw", "BGRX")
                    self._canvas.paste(part, (x, y))
            else:
                raise RfbError(f"encoding {encoding} was never asked for")
        self.updates += 1
        await self._request_update(incremental=True)

    async def _request_update(self, *, incremental: bool) -> None:
        await self._stream.write(struct.pack("!BBHHHH", 3, incremental, 0, 0, *self.size))

    async def _exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            piece = await self._stream.read()
            if not piece:
                raise RfbError("the stream ended")
            self._received += piece
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken


def keysym_of(character: str) -> int:
    """Return the X keysym that types ``character``: Latin-1 is itself, the rest by Unicode."""
    code = ord(character)
    if character in KEYSYMS:
        return KEYSYMS[character]
    return code if 0x20 <= code <= 0xFF else UNICODE_KEYSYMS + code
