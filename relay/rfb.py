"""What a viewer says in RFB, message by message: pure, incremental, no I/O.

    version (12 bytes) -> security type (1 byte, not in 3.3) -> ClientInit (1 byte) -> messages

A viewer in control is forwarded byte for byte and only watched. Of a view-only viewer every message
that is input (key, pointer, clipboard, resize, power) is dropped; what cannot be framed ends the
stream, because what follows it could be anything. Formats: RFC 6143 section 7 and the community's
rfbproto.rst for the extensions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto

from supervisor.lifecycle.tickets import Mode

_HEAD_BYTES = 12
"""No message needs more than this for its length to be known."""

_FENCE_BYTES = 64
_ENCODINGS = 1024
_EXTENDED_BUTTONS = -316
_SECURITY_NONE = 1
_SHARED = b"\x01"

_FIXED = {0: 20, 3: 10, 4: 8, 150: 10, 250: 4}
_INPUT = frozenset({4, 5, 6, 250, 251, 253, 255})
_USED = frozenset({4, 5, 6, 255})
"""Input by which a user shows to be there."""

# Encodings a view-only viewer may ask for: pictures, cursors, sizes, and what paces them. Others
# could change the format of messages in either direction (extended buttons, extended clipboard).
_VIEW_ENCODINGS = frozenset(
    {0, 1, 2, 4, 5, 6, 7, 8, 15, 16, 17, 21, 22, 50}
    | {-223, -224, -239, -240, -260, -261, -307, -308, -312, -313, -314}
    | {0x574D5664, 0x574D5665}
    | set(range(-32, -22))
    | set(range(-256, -246))
    | set(range(-512, -411))
    | set(range(-768, -762))
)


class RfbError(Exception):
    """The stream cannot go on; ``close_code`` is for the viewer's WebSocket."""

    def __init__(self, message: str, close_code: int = 1008) -> None:
        super().__init__(message)
        self.close_code = close_code


class _Stage(Enum):
    VERSION = auto()
    SECURITY = auto()
    INIT = auto()
    MESSAGES = auto()
    OPAQUE = auto()
    """A viewer in control said something unknown; the rest of it is not looked at."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What of a chunk goes on to the server, and whether a user's input was in it."""

    forward: bytes
    used: bool


class ClientStream:
    """One viewer's side of an RFB connection, fed as it arrives and cut anywhere."""

    def __init__(self, mode: Mode, cut_text_bytes: int) -> None:
        self._view = mode is Mode.VIEW
        self._cut_text_bytes = cut_text_bytes
        self._stage = _Stage.VERSION
        self._pending = b""
        self._left = 0
        self._dropping = False
        self._encodings: bytearray | None = None
        self._extended_buttons = False

    def feed(self, chunk: bytes) -> Passage:
        """Judge the next bytes. Raises RfbError; nothing of the chunk is forwarded then."""
        if self._opaque():
            return Passage(chunk, used=True)
        kept = bytearray()
        used = False
        stream = self._pending + chunk
        self._pending = b""
        at = 0
        while at < len(stream) and not self._opaque():
            if self._left == 0:
                head = stream[at : at + _HEAD_BYTES]
                size = self._measure(head)
                if size is None:
                    self._pending = head
                    break
                used = self._begin(head, size) or used
            part = stream[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._view:
                kept += self._admit(part)
            elif self._encodings is not None:
                self._admit(part)
            if self._left == 0:
                self._finish(part)
        return Passage(bytes(kept) if self._view else chunk, used=used)

    def _opaque(self) -> bool:
        return self._stage is _Stage.OPAQUE

    def _measure(self, head: bytes) -> int | None:
        """The size of what begins with ``head``; ``None``: more bytes are needed to tell."""
        match self._stage:
            case _Stage.VERSION:
                return 12 if len(head) == 12 else None
            case _Stage.SECURITY | _Stage.INIT:
                return 1
            case _:
                return self._measure_message(head)

    def _measure_message(self, head: bytes) -> int | None:
        kind = head[0]
        if kind in _FIXED:
            return _FIXED[kind]
        try:
            return self._measure_variable(kind, head)
        except (struct.error, IndexError):
            return None

    def _measure_variable(self, kind: int, head: bytes) -> int:  # noqa: PLR0911 one per message
        match kind:
            case 1:  # FixColourMapEntries
                return 6 + 6 * _u16(head, 4)
            case 2:  # SetEncodings
                return 4 + 4 * self._bounded(_u16(head, 2), _ENCODINGS, "encodings")
            case 5:  # PointerEvent; with the top bit of its mask set, one byte more
                return 7 if head[1] & 0x80 and self._extended_buttons else 6
            case 6:  # ClientCutText; a negative length is the extended clipboard's
                size: int = abs(struct.unpack_from(">i", head, 4)[0])
                return 8 + self._bounded(size, self._cut_text_bytes, "bytes of clipboard")
            case 248:  # ClientFence
                return 9 + self._bounded(head[8], _FENCE_BYTES, "bytes of fence")
            case 251:  # SetDesktopSize
                return 8 + 16 * head[6]
            case 253:  # gii; the top bit of its sub-type tells the byte order
                return 4 + _u16(head, 2, ">H" if head[1] & 0x80 else "<H")
            case 255:  # QEMU
                known = _measure_qemu(head)
                return known or self._unknown(f"QEMU message {head[1]}", len(head))
            case _:
                return self._unknown(f"message type {kind}", len(head))

    def _begin(self, head: bytes, size: int) -> bool:
        """Enter a message; whether a user's input is in it."""
        self._left = size
        if self._stage is not _Stage.MESSAGES:
            return False
        kind = head[0]
        self._dropping = self._view and kind in _INPUT
        if kind == 2:
            self._encodings = bytearray()
        return kind in _USED

    def _admit(self, part: bytes) -> bytes:
        """What of a view-only viewer's message goes on."""
        if self._encodings is not None:
            self._encodings += part
            return _viewable(self._encodings) if self._left == 0 else b""
        if self._stage is _Stage.INIT:
            # Not shared would mean: put everybody else out.
            return _SHARED
        return b"" if self._dropping else part

    def _finish(self, part: bytes) -> None:
        match self._stage:
            case _Stage.VERSION:
                self._stage = self._after_version(part)
            case _Stage.SECURITY:
                self._stage = _Stage.INIT
                if part[0] != _SECURITY_NONE:
                    self._unknown(f"security type {part[0]}", 0)
            case _Stage.INIT:
                self._stage = _Stage.MESSAGES
            case _:
                if self._encodings is not None:
                    self._extended_buttons = _EXTENDED_BUTTONS in _encodings(self._encodings)
                    self._encodings = None

    def _after_version(self, version: bytes) -> _Stage:
        match version:
            case b"RFB 003.003\n":
                return _Stage.INIT
            case b"RFB 003.007\n" | b"RFB 003.008\n":
                return _Stage.SECURITY
            case _:
                self._unknown("protocol version", 0)
                return self._stage

    def _bounded(self, count: int, limit: int, what: str) -> int:
        if count > limit:
            raise RfbError(f"{count} {what} are more than the {limit} taken here", 1009)
        return count

    def _unknown(self, what: str, size: int) -> int:
        if self._view:
            raise RfbError(f"a view-only viewer may not use {what}")
        self._stage = _Stage.OPAQUE
        return size


def _measure_qemu(head: bytes) -> int | None:
    if head[1] == 0:  # extended key event
        return 12
    if head[1] == 1:  # audio: enable, disable, or (2) set the sample format
        return 10 if _u16(head, 2) == 2 else 4
    return None


def _u16(head: bytes, at: int, order: str = ">H") -> int:
    value: int = struct.unpack_from(order, head, at)[0]
    return value


def _encodings(message: bytes | bytearray) -> tuple[int, ...]:
    return struct.unpack(f">{(len(message) - 4) // 4}i", message[4:])


def _viewable(message: bytes | bytearray) -> bytes:
    """SetEncodings without what could make later messages unreadable here."""
    kept = [encoding for encoding in _encodings(message) if encoding in _VIEW_ENCODINGS]
    return struct.pack(f">BxH{len(kept)}i", 2, len(kept), *kept)
