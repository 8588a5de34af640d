"""How long a rectangle is of what a server paints, for each encoding a viewer may ask for.

Each part is asked for as in ``ServerStream``: so many bytes to be looked at, or, negative, to pass.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from relay.display.rfb_terms import WITHOUT_CONTENT, PixelSizes, RfbError

Steps = Generator[int, bytes, None]

_RAW = 0
_TIGHT_PNG = -260
_UNPACKED_BYTES = 12
"""Tight packs nothing that is shorter."""
_MOST_PASSED = 1 << 30
"""Of one rectangle's content: no screen has more."""


def rectangle(width: int, height: int, encoding: int, pixel: PixelSizes) -> Steps:  # noqa: C901, PLR0912 one per encoding
    """The content of one rectangle, its head having been read. Raises RfbError."""
    area = width * height
    match encoding:
        case 0:  # Raw
            yield from _pass(area * pixel.plain)
        case 1:  # CopyRect
            yield from _pass(4)
        case 2:  # RRE: a number of parts, a background
            yield from _pass(pixel.plain + _u32((yield 4)) * (pixel.plain + 8))
        case 6 | 16 | 17:  # zlib, ZRLE, ZYWRLE
            yield from _pass(_u32((yield 4)))
        case 50:  # H.264, with flags
            yield from _pass(_u32((yield 8)))
        case 7 | -260:
            yield from _tight(width, height, encoding, pixel)
        case -239:  # Cursor
            yield from _pass(area * pixel.plain + _bitmap(width, height))
        case -240:  # XCursor
            yield from _pass(6 + 2 * _bitmap(width, height) if area else 0)
        case -314:  # CursorWithAlpha, in an encoding of its own
            (inner,) = struct.unpack(">i", (yield 4))
            if inner != _RAW:
                raise _unasked(inner)
            yield from _pass(area * 4)
        case 0x574D5664:  # VMware cursor: two masks in pixels, or colours with alpha
            yield from _pass(area * (4 if (yield 2)[0] else 2 * pixel.plain))
        case 0x574D5665:  # its state
            yield from _pass(2)
        case 0x574D5668:  # VMware leds
            yield from _pass(4)
        case -261:  # QEMU leds
            yield from _pass(1)
        case -307:  # DesktopName
            yield from _pass(_u32((yield 4)))
        case -308:  # ExtendedDesktopSize
            yield from _pass(16 * (yield 4)[0])
        case known if known in WITHOUT_CONTENT:
            return
        case _:
            raise _unasked(encoding)


def _tight(width: int, height: int, encoding: int, pixel: PixelSizes) -> Steps:
    control = (yield 1)[0] >> 4
    if control == 8:  # one colour
        yield from _pass(pixel.tight)
    elif control == 9 or (control == 10 and encoding == _TIGHT_PNG):  # JPEG, PNG
        yield from _compact()
    elif control < 8 and encoding != _TIGHT_PNG:
        chosen = (yield 1)[0] if control & 4 else 0
        if chosen == 1:  # palette
            colours = (yield 1)[0] + 1
            yield from _pass(colours * pixel.tight)
            size = _bitmap(width, height) if colours == 2 else width * height
        elif chosen in {0, 2}:  # copy, gradient
            size = width * height * pixel.tight
        else:
            raise RfbError(f"the display sent an unknown filter of Tight ({chosen})")
        if size < _UNPACKED_BYTES:
            yield from _pass(size)
        else:
            yield from _compact()
    else:
        raise RfbError(f"the display sent an unknown kind of Tight ({control})")


def _compact() -> Steps:
    """A length in one to three bytes, lowest first, and so many bytes."""
    size = 0
    for shift in (0, 7, 14):
        byte = (yield 1)[0]
        size |= (byte if shift == 14 else byte & 0x7F) << shift
        if byte < 0x80:
            break
    yield from _pass(size)


def _bitmap(width: int, height: int) -> int:
    return (width + 7) // 8 * height


def _pass(count: int) -> Steps:
    if count > _MOST_PASSED:
        raise RfbError(f"the display sent a rectangle of {count} bytes")
    if count:
        yield -count


def _u32(content: bytes) -> int:
    value: int = struct.unpack_from(">I", content)[0]
    return value


def _unasked(encoding: int) -> RfbError:
    return RfbError(f"the display sent an encoding that was not asked for ({encoding})")
