"""Client-to-server RFB messages for tests (RFC 6143 section 7.5 and extensions)."""

from __future__ import annotations

import struct

HELLO = b"RFB 003.008\n" + b"\x01"
INIT = b"\x01"
OPENING = HELLO + INIT

KEY = struct.pack(">BBxxI", 4, 1, 0x61)
POINTER = struct.pack(">BBHH", 5, 1, 10, 20)
LONG_POINTER = struct.pack(">BBHHB", 5, 0x81, 10, 20, 1)
CUT_TEXT = struct.pack(">BxxxI", 6, 5) + b"hello"
LONG_CUT_TEXT = struct.pack(">Bxxxi", 6, -8) + struct.pack(">II", 0x10000001, 0)
RESIZE = struct.pack(">BxHHBx", 251, 800, 600, 1) + bytes(16)
QEMU_KEY = struct.pack(">BBHII", 255, 0, 1, 0x61, 30)
QEMU_AUDIO = struct.pack(">BBH", 255, 1, 0)
QEMU_AUDIO_FORMAT = struct.pack(">BBHBBI", 255, 1, 2, 3, 2, 44100)
XVP = struct.pack(">BxBB", 250, 1, 2)
GII = struct.pack(">BBH", 253, 0x81, 4) + bytes(4)
GII_LITTLE = struct.pack("<BBH", 253, 0x01, 4) + bytes(4)

PIXELS = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
PIXEL_FORMAT = bytes(4) + PIXELS
COLOURS = struct.pack(">BxHH", 1, 0, 2) + bytes(12)
UPDATE_REQUEST = struct.pack(">BBHHHH", 3, 1, 0, 0, 800, 600)
CONTINUOUS = struct.pack(">BBHHHH", 150, 1, 0, 0, 800, 600)
FENCE = struct.pack(">BxxxIB", 248, 1, 3) + b"abc"

INPUT = (
    KEY,
    POINTER,
    CUT_TEXT,
    LONG_CUT_TEXT,
    RESIZE,
    QEMU_KEY,
    QEMU_AUDIO,
    QEMU_AUDIO_FORMAT,
    XVP,
    GII,
    GII_LITTLE,
)


def encodings(*wanted: int) -> bytes:
    """SetEncodings."""
    return struct.pack(f">BxH{len(wanted)}i", 2, len(wanted), *wanted)


PASSIVE = (PIXEL_FORMAT, COLOURS, UPDATE_REQUEST, CONTINUOUS, FENCE, encodings(0, 16, -239))
