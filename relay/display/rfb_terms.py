"""What both directions of an RFB connection go by: agreed in one, needed to read the other."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from relay.display.cut_text import EXTENDED_CLIPBOARD

PICTURES = frozenset({0, 1, 2, 6, 7, 16, 17, 50, -260})
"""Raw, CopyRect, RRE, zlib, Tight, ZRLE, ZYWRLE, H.264, Tight with PNG."""

WITHOUT_CONTENT = frozenset({-223, -224, -257, -258, -316, 0x574D5666})
"""Pseudo-encodings that say all by their rectangle, or by being there."""

# What ``relay.display.rfb_server`` can find the end of. Cursors, sizes, names, leds, and what paces
# pictures (fence, continuous updates) or sets their quality.
_FRAMED = (
    PICTURES
    | {-223, -224, -239, -240, -261, -307, -308, -312, -313, -314}
    | {0x574D5664, 0x574D5665}
    | set(range(-32, -22))
    | set(range(-256, -246))
    | set(range(-512, -411))
    | set(range(-768, -762))
)

VIEW_ENCODINGS = frozenset(_FRAMED)
"""What a view-only viewer may ask for."""

CONTROL_ENCODINGS = frozenset(_FRAMED | WITHOUT_CONTENT | {-309, 0x574D5668, EXTENDED_CLIPBOARD})
"""What a viewer in control may ask for whose session's clipboard is restricted: input as well."""


class RfbError(Exception):
    """The stream cannot go on; ``close_code`` is for the viewer's WebSocket."""

    def __init__(self, message: str, close_code: int = 1008) -> None:
        super().__init__(message)
        self.close_code = close_code


@dataclass(frozen=True, slots=True)
class PixelSizes:
    """How many bytes a pixel takes."""

    plain: int
    tight: int
    """In Tight: three, where three say all."""


@dataclass(slots=True)
class Agreed:
    """Filled in as it is agreed on."""

    version: bytes = b""
    """The viewer's, of 12 bytes."""
    pixel: PixelSizes | None = None
    updates_asked: bool = False
    """From here on updates may be on their way in the pixel format that was agreed on."""

    def take_pixel_format(self, content: bytes) -> None:
        """The viewer's SetPixelFormat, all of it. Raises RfbError."""
        pixel = pixel_sizes(content[4:20])
        if self.updates_asked and pixel != self.pixel:
            # Nothing tells which updates were still made in the old one.
            raise RfbError("pixels may not change their size once pictures were asked for")
        self.pixel = pixel


def pixel_sizes(content: bytes) -> PixelSizes:
    """Of a PIXEL_FORMAT (16 bytes). Raises RfbError."""
    bits, depth, _, true_colour, *most = struct.unpack_from(">BBBBHHH", content)
    if bits not in {8, 16, 32}:
        raise RfbError(f"pixels of {bits} bits are not RFB")
    plain = bits // 8
    packed = bits == 32 and depth == 24 and true_colour and most == [255, 255, 255]
    return PixelSizes(plain, 3 if packed else plain)
