"""One picture of a display: the relay's own end of an RFB 3.8 connection (RFC 6143).

    version, security None, ClientInit (shared) -> ServerInit
        -> SetPixelFormat, SetEncodings, FramebufferUpdateRequest (whole, not incremental)
        -> rectangles until every pixel has come

No viewer: it sends no input and does not resize, and others go on undisturbed. What is at the
other end is hostile: sizes, numbers and bytes are bounded here, time is by the caller.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Protocol

from relay.display.picture import Rectangle

_VERSION = b"RFB 003.008\n"
_SECURITY_NONE = 1
_MOST_SIDE = 16_384
_NAME_BYTES = 64 * 1024
_OTHER_BYTES = 1024 * 1024
"""Of what comes unasked: clipboards, colour maps."""
_MOST_STEPS = 0x10000
"""Messages and rectangles; X servers send some hundreds for a large display."""
_STEPS_A_TURN = 256
"""Others get theirs after that, were it all here already."""

_RAW = 0
# 32 bits a pixel, depth 24, little endian, true colour, 8 bits each, blue in the lowest byte.
_SET_PIXEL_FORMAT = struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_SET_ENCODINGS = struct.pack(">BxHi", 2, 1, _RAW)
_PIXEL_BYTES = 4


class CaptureError(Exception):
    """The display cannot be had; the text says why, as the end of a sentence."""


class Stream(Protocol):
    """The agent's end of a display."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Send. Raises ConnectionError."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a display, in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """All of them."""
        return self.width * self.height


class Capture:
    """One connection, for one picture: ``greet``, then ``fetch``."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = bytearray()
        self._other_bytes = 0
        self._steps = 0

    async def greet(self, most_pixels: int) -> Size:
        """Shake hands; how large the display is. Raises CaptureError."""
        version = await self._exactly(len(_VERSION))
        if not (version.startswith(b"RFB 003.") and version >= _VERSION):
            raise CaptureError(f"it speaks {version[:11]!r} and not RFB 3.8")
        await self._write(_VERSION)
        offered = await self._exactly((await self._exactly(1))[0])
        if _SECURITY_NONE not in offered:
            raise CaptureError("it wants a password")
        await self._write(bytes([_SECURITY_NONE]))
        if await self._exactly(4) != bytes(4):
            raise CaptureError("it refused the connection")
        await self._write(b"\x01")
        width, height, name_bytes = struct.unpack(">HH16xI", await self._exactly(24))
        if name_bytes > _NAME_BYTES:
            raise CaptureError(f"its name has {name_bytes} bytes")
        await self._exactly(name_bytes)
        size = Size(width, height)
        if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
            raise CaptureError(f"it claims to have {width}x{height} pixels")
        if size.pixels > most_pixels:
            raise CaptureError(f"{width}x{height} is more than the {most_pixels} pixels taken here")
        return size

    async def fetch(self, size: Size) -> list[Rectangle]:
        """Every pixel, in parts that do not reach beyond the display. Raises CaptureError."""
        request = struct.pack(">BBHHHH", 3, 0, 0, 0, size.width, size.height)
        await self._write(_SET_PIXEL_FORMAT + _SET_ENCODINGS + request)
        parts: list[Rectangle] = []
        missing = size.pixels
        while missing:
            await self._step()
            match (await self._exactly(1))[0]:
                case 0:  # FramebufferUpdate
                    update = await self._rectangles(size, missing)
                    parts += update
                    missing -= sum(part.width * part.height for part in update)
                case 1:  # SetColourMapEntries
                    (colours,) = struct.unpack(">xxxH", await self._exactly(5))
                    await self._pass_over(6 * colours)
                case 2:  # Bell
                    pass
                case 3:  # ServerCutText
                    (length,) = struct.unpack(">xxxI", await self._exactly(7))
                    await self._pass_over(length)
                case kind:
                    raise CaptureError(f"it sent an unknown message ({kind})")
        return parts

    async def _rectangles(self, size: Size, missing: int) -> list[Rectangle]:
        (count,) = struct.unpack(">xH", await self._exactly(3))
        parts: list[Rectangle] = []
        for _ in range(count):
            await self._step()
            head = await self._exactly(12)
            x, y, width, height, encoding = struct.unpack(">HHHHi", head)
            if encoding != _RAW:
                raise CaptureError(f"it sent an encoding that was not asked for ({encoding})")
            if x + width > size.width or y + height > size.height:
                raise CaptureError("it sent pixels beyond its edge")
            missing -= width * height
            if missing < 0:
                raise CaptureError("it sent more pixels than it has")
            pixels = await self._exactly(width * height * _PIXEL_BYTES)
            parts.append(Rectangle(x, y, width, height, pixels))
        return parts

    async def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise CaptureError("it sent too many messages")
        if self._steps % _STEPS_A_TURN == 0:
            await asyncio.sleep(0)

    async def _pass_over(self, count: int) -> None:
        self._other_bytes += count
        if self._other_bytes > _OTHER_BYTES:
            raise CaptureError("it sends what was not asked for")
        await self._exactly(count)

    async def _exactly(self, count: int) -> bytes:
        held = self._held
        while len(held) < count:
            piece = await self._stream.read()
            if not piece:
                raise CaptureError("the connection was lost")
            held += piece
        taken = bytes(memoryview(held)[:count])
        del held[:count]
        return taken

    async def _write(self, message: bytes) -> None:
        try:
            await self._stream.write(message)
        except ConnectionError:
            raise CaptureError("the connection was lost") from None
