"""An X server's end of a display: RFB 3.8 with raw pixels, as honest as a test wants it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence

from PIL import Image

VERSION = b"RFB 003.008\n"
Part = tuple[int, int, int, int]
"""x, y, width, height."""


class XServer:
    """What one display shows; ``parts`` is how it is cut into rectangles, one list an update."""

    def __init__(self, image: Image.Image, updates: Sequence[Sequence[Part]] = ()) -> None:
        self.image = image
        self.updates = updates or [[(0, 0, *image.size)]]
        self.before = b""
        """What it says before the first update."""
        self.said: list[bytes] = []
        """What the viewer sent after the handshake."""

    async def greet(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        size: tuple[int, int] | None = None,
        name: bytes = b"test",
    ) -> None:
        """Shake hands, and claim to be of this size."""
        writer.write(VERSION)
        assert await reader.readexactly(12) == VERSION
        writer.write(b"\x02\x13\x01")
        assert await reader.readexactly(1) == b"\x01"
        writer.write(bytes(4))
        assert await reader.readexactly(1) == b"\x01", "others are to stay"
        width, height = size or self.image.size
        writer.write(struct.pack(">HH16xI", width, height, len(name)) + name)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Shake hands, show the picture, and wait for the viewer to leave."""
        await self.greet(reader, writer)
        asked = await reader.readexactly(20 + 8 + 10)
        assert asked[:1] == b"\x00"
        assert asked[20:28] == struct.pack(">BxHi", 2, 1, 0), "raw, and nothing else"
        assert asked[28:] == struct.pack(">BBHHHH", 3, 0, 0, 0, *self.image.size)
        writer.write(self.before)
        for parts in self.updates:
            writer.write(struct.pack(">BxH", 0, len(parts)))
            for part in parts:
                writer.write(rectangle(self.image, part))
                await writer.drain()
        while said := await reader.read(65536):
            self.said.append(said)


Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


def rectangle(image: Image.Image, part: Part, encoding: int = 0) -> bytes:
    """A part of the picture with its head."""
    x, y, width, height = part
    pixels = image.crop((x, y, x + width, y + height)).convert("RGBA").tobytes("raw", "BGRA")
    return struct.pack(">HHHHi", *part, encoding) + pixels
