"""A display's bytes, honest or not: a picture, or a reason why there is none."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relay.display.capture import Capture, CaptureError
from relay.display.picture import assemble
from tests.unit.relay.x_server import VERSION, rectangle

SIZE = (8, 6)
IMAGE = Image.frombytes("RGB", SIZE, random.Random(3).randbytes(8 * 6 * 3))  # noqa: S311 a picture
HELLO = VERSION + b"\x01\x01" + bytes(4) + struct.pack(">HH16xI", *SIZE, 4) + b"test"
PARTS = [(0, 0, 8, 2), (0, 2, 3, 4), (3, 2, 5, 4)]
UPDATE = struct.pack(">BxH", 0, len(PARTS)) + b"".join(rectangle(IMAGE, part) for part in PARTS)
HONEST = HELLO + b"\x02" + struct.pack(">BxxxI", 3, 2) + b"hi" + UPDATE


class Recorded:
    """A stream that was recorded, in pieces of this size."""

    def __init__(self, content: bytes, piece_bytes: int) -> None:
        self._content = content
        self._piece_bytes = piece_bytes
        self.at = 0

    async def read(self) -> bytes:
        """The next piece."""
        piece = self._content[self.at : self.at + self._piece_bytes]
        self.at += len(piece)
        return piece

    async def write(self, data: bytes) -> None:
        """Nobody listens."""


async def captured(content: bytes, piece_bytes: int) -> bytes:
    """The pixels of the picture. Raises CaptureError."""
    capture = Capture(Recorded(content, piece_bytes))
    size = await capture.greet(most_pixels=100)
    assert size.pixels <= 100
    return assemble(size.width, size.height, await capture.fetch(size)).image.tobytes()


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
async def test_it_does_not_matter_how_bytes_arrive(piece_bytes: int) -> None:
    """One by one, or all together."""
    assert await captured(HONEST, piece_bytes) == IMAGE.tobytes()


@given(st.data())
async def test_any_bytes_are_a_picture_or_a_reason(data: st.DataObject) -> None:
    """An honest stream with some of it replaced, left out or put in."""
    content = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=12))
    with suppress(CaptureError):
        assert len(await captured(bytes(content), 64)) <= 300
