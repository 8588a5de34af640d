"""Pixels to pictures. Everything here takes its time: call it in a thread."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

_COMPRESSION = 3
"""Of zlib's nine: a third of the time of 6 for a tenth more bytes."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a display: four bytes a pixel, blue, green, red and one of no meaning."""

    x: int
    y: int
    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole display at one moment; ``digest`` is the same for the same pixels only."""

    image: Image.Image
    digest: str

    def width_within(self, max_width: int | None) -> int:
        """How wide a picture of it becomes: never wider than it is."""
        return min(self.image.width, max_width or self.image.width)


def assemble(width: int, height: int, rectangles: Iterable[Rectangle]) -> Frame:
    """The display that consists of these parts, all of which lie in it."""
    image = Image.new("RGB", (width, height))
    for part in rectangles:
        if part.pixels:
            size = (part.width, part.height)
            image.paste(Image.frombytes("RGB", size, part.pixels, "raw", "BGRX"), (part.x, part.y))
    digest = hashlib.sha256(b"%dx%d:" % (width, height) + image.tobytes())
    return Frame(image, digest.hexdigest()[:32])


def encode_png(frame: Frame, max_width: int | None) -> bytes:
    """The display as PNG, scaled down to ``max_width`` if it is wider; its proportions stay."""
    image = frame.image
    width = frame.width_within(max_width)
    if width < image.width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    png = io.BytesIO()
    image.save(png, "PNG", compress_level=_COMPRESSION)
    return png.getvalue()
