"""What a viewer says in RFB, message by message: pure, incremental, no I/O.

    version (12 bytes) -> security type (1 byte, not in 3.3) -> ClientInit (1 byte) -> messages

A viewer in control is forwarded byte for byte and only watched. Of a view-only viewer every message
that is input (key, pointer, clipboard, resize, power) is dropped, and of one whose session's
clipboard is restricted the text that may not pass; what cannot be framed ends such a stream,
because what follows it could be anything. Formats: RFC 6143 section 7 and the community's
rfbproto.rst for the extensions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto

from relay.display.cut_text import EXTENDED_CLIPBOARD, clipboard_of, is_complete, is_textless
from relay.display.rfb_terms import CONTROL_ENCODINGS, VIEW_ENCODINGS, Agreed, RfbError
from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.lifecycle.tickets import Mode

__all__ = ["ClientStream", "Passage", "RfbError"]

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
_NOTED = frozenset({0, 2})
_ASKING = frozenset({3, 150})


class _Stage(Enum):
    VERSION = auto()
    SECURITY = auto()
    INIT = auto()
    MESSAGES = auto()
    OPAQUE = auto()
    """A viewer who may do anything said something unknown; the rest of it is not looked at."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What of a chunk goes on to the server, and whether a user's input was in it."""

    forward: bytes
    used: bool


class ClientStream:
    """One viewer's side of an RFB connection, fed as it arrives and cut anywhere."""

    def __init__(
        self, mode: Mode, cut_text_bytes: int, policy: ClipboardPolicy = ClipboardPolicy.BOTH
    ) -> None:
        self._view = mode is Mode.VIEW
        self.clipboard = clipboard_of(mode, policy)
        self.agreed = Agreed()
        self._filtered = not (self.clipboard.inward and self.clipboard.outward)
        self._wishes = VIEW_ENCODINGS if self._view else CONTROL_ENCODINGS
        if not self.clipboard.any:
            self._wishes -= {EXTENDED_CLIPBOARD}
        self._cut_text_bytes = cut_text_bytes
        self._stage = _Stage.VERSION
        self._pending = b""
        self._left = 0
        self._dropping = False
        self._noted: bytearray | None = None
        """What there is so far of a message that says how later ones are to be read."""
        self._noted_kind = 0
        self._extended_buttons = False
        self.steps = 0
        """How often something was looked at, for whoever shares the time."""

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
            self.steps += 1
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
            if self._noted is not None:
                self._noted += part
            if self._filtered:
                kept += self._admit(part)
            if self._left == 0:
                self._finish(part)
        return Passage(bytes(kept) if self._filtered else chunk, used=used)

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
                self._bounded(size, self._cut_text_bytes, "bytes of clipboard")
                if self._filtered and not is_complete(head):
                    raise IndexError
                return 8 + size
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
        self._dropping = self._is_kept_back(kind, head)
        self._noted = bytearray() if kind in _NOTED else None
        self._noted_kind = kind
        self.agreed.updates_asked |= kind in _ASKING
        return kind in _USED

    def _is_kept_back(self, kind: int, head: bytes) -> bool:
        if self._view:
            return kind in _INPUT
        if kind != 6 or self.clipboard.inward:
            return False
        return not (self.clipboard.any and is_textless(head))

    def _admit(self, part: bytes) -> bytes:
        """What of a message goes on, for a viewer who may not do everything."""
        if self._noted is not None and self._noted_kind == 2:
            return _only(self._noted, self._wishes) if self._left == 0 else b""
        if self._stage is _Stage.INIT and self._view:
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
                if self._noted is not None:
                    self._note(bytes(self._noted))
                    self._noted = None

    def _note(self, message: bytes) -> None:
        if self._noted_kind == 2:
            self._extended_buttons = _EXTENDED_BUTTONS in _encodings(message)
        elif self._filtered:
            self.agreed.take_pixel_format(message)

    def _after_version(self, version: bytes) -> _Stage:
        self.agreed.version = version
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
        if self._filtered:
            who = "a view-only viewer" if self._view else "a viewer with a restricted clipboard"
            raise RfbError(f"{who} may not use {what}")
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


def _only(message: bytes | bytearray, allowed: frozenset[int]) -> bytes:
    """SetEncodings without what could make later messages unreadable here."""
    kept = [encoding for encoding in _encodings(message) if encoding in allowed]
    return struct.pack(f">BxH{len(kept)}i", 2, len(kept), *kept)
