"""Server-to-client RFB messages for tests (RFC 6143 section 7.6 and extensions)."""

from __future__ import annotations

import struct

from tests.unit.relay.rfb_messages import PIXELS

GREETING = (
    b"RFB 003.008\n"
    b"\x02\x01\x13" + bytes(4) + struct.pack(">HH", 16, 8) + PIXELS + struct.pack(">I", 4) + b"desk"
)

BELL = b"\x02"
COLOURS = struct.pack(">BxHH", 1, 0, 2) + bytes(12)
END_OF_CONTINUOUS = b"\x96"
FENCE = struct.pack(">BxxxIB", 248, 1, 3) + b"\x03\x03\x03"
XVP = struct.pack(">BxBB", 250, 1, 2)


def cut_text(text: bytes = b"hello") -> bytes:
    """ServerCutText, plain."""
    return struct.pack(">BxxxI", 3, len(text)) + text


def extended(flags: int, content: bytes = b"") -> bytes:
    """ServerCutText of the extended clipboard."""
    return struct.pack(">BxxxiI", 3, -4 - len(content), flags) + content


CAPS = extended(0x1F000001, struct.pack(">I", 1024))
REQUEST = extended(0x02000001)
PEEK = extended(0x04000000)
NOTIFY = extended(0x08000001)
PROVIDE = extended(0x10000001, b"deflated text")
MIXED = extended(0x12000001, b"a request with text")

TEXTS = (cut_text(), cut_text(b""), cut_text(b"\x03" * 300), NOTIFY, PROVIDE, MIXED)
AGREEMENTS = (REQUEST, PEEK)


def update(*rectangles: bytes, count: int | None = None) -> bytes:
    """FramebufferUpdate."""
    return struct.pack(">BxH", 0, len(rectangles) if count is None else count) + b"".join(
        rectangles
    )


def rectangle(encoding: int, content: bytes = b"", width: int = 5, height: int = 3) -> bytes:
    """One rectangle; contents are of bytes that would begin a cut text, were they misread."""
    return struct.pack(">HHHHi", 0, 0, width, height, encoding) + content


def _counted(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


_AREA = 15
RECTANGLES = {
    "raw": rectangle(0, b"\x03" * _AREA * 4),
    "copy": rectangle(1, b"\x03" * 4),
    "rre": rectangle(2, struct.pack(">I", 2) + b"\x03" * (4 + 2 * 12)),
    "zlib": rectangle(6, _counted(b"\x03" * 77)),
    "zrle": rectangle(16, _counted(b"\x03" * 300)),
    "h264": rectangle(50, struct.pack(">II", 9, 1) + b"\x03" * 9),
    "tight-fill": rectangle(7, b"\x80\x03\x03\x03"),
    "tight-jpeg": rectangle(7, b"\x90\x05" + b"\x03" * 5),
    "tight-jpeg-2": rectangle(7, b"\x9f\xac\x02" + b"\x03" * 300),
    "tight-jpeg-3": rectangle(7, b"\x90\x81\x80\x01" + b"\x03" * 16385),
    "tight-copy": rectangle(7, b"\x00\x06" + b"\x03" * 6),
    "tight-copy-unpacked": rectangle(7, b"\x00" + b"\x03" * 9, width=3, height=1),
    "tight-two-colours": rectangle(7, b"\x50\x01\x01" + b"\x03" * (6 + 3)),
    "tight-palette": rectangle(7, b"\x60\x01\x02" + b"\x03" * 9 + b"\x04" + b"\x03" * 4),
    "tight-gradient": rectangle(7, b"\x70\x02\x07" + b"\x03" * 7),
    "tight-png": rectangle(-260, b"\xa0\x08" + b"\x03" * 8),
    "cursor": rectangle(-239, b"\x03" * (_AREA * 4 + 3)),
    "xcursor": rectangle(-240, b"\x03" * (6 + 6)),
    "no-xcursor": rectangle(-240, width=0, height=0),
    "alpha-cursor": rectangle(-314, bytes(4) + b"\x03" * _AREA * 4),
    "vmware-masks": rectangle(0x574D5664, b"\x00\x00" + b"\x03" * _AREA * 8),
    "vmware-alpha": rectangle(0x574D5664, b"\x01\x00" + b"\x03" * _AREA * 4),
    "vmware-state": rectangle(0x574D5665, b"\x03\x03"),
    "vmware-leds": rectangle(0x574D5668, b"\x03" * 4),
    "leds": rectangle(-261, b"\x03"),
    "name": rectangle(-307, _counted(b"\x03\x03")),
    "size": rectangle(-223),
    "extended-size": rectangle(-308, b"\x02\x03\x03\x03" + b"\x03" * 32),
    "keys": rectangle(-258),
    "buttons": rectangle(-316),
}
LAST = rectangle(-224)
UNCOUNTED = update(RECTANGLES["raw"], RECTANGLES["tight-fill"], LAST, count=0xFFFF)
EARLY_LAST = update(RECTANGLES["zrle"], LAST, count=7)
UPDATES = (*map(update, RECTANGLES.values()), update(), UNCOUNTED, EARLY_LAST)
OTHERS = (BELL, COLOURS, END_OF_CONTINUOUS, FENCE, XVP, *UPDATES)
