"""Where WebSocket frames begin in bytes that pass by (RFC 6455, section 5.2). Pure.

Nothing is taken apart: only the head of each frame is looked at, to know when a frame of our own
(a close) can stand between two of the relay's.
"""

from __future__ import annotations

import struct

_LONGEST_HEAD = 14
OPCODE_CLOSE = 0x8


class FrameCounter:
    """Follows one direction of a WebSocket."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left_bytes = 0
        """Of the frame that is passing."""
        self.closed = False
        """Whether a close frame has passed: there is nothing to be said any more."""

    @property
    def at_boundary(self) -> bool:
        """Whether what has passed ends with a frame's last byte."""
        return not self._left_bytes and not self._head

    def pass_by(self, data: bytes, *, to_boundary: bool = False) -> int:
        """Count what is handed on: all of it, or up to where the frame that is passing ends.

        Returns how many bytes that is.
        """
        position, size = 0, len(data)
        while position < size and not (to_boundary and self.at_boundary):
            if self._left_bytes:
                step = min(self._left_bytes, size - position)
                self._left_bytes -= step
                position += step
                continue
            known = len(self._head)
            self._head += data[position : position + _LONGEST_HEAD - known]
            head_bytes = _head_bytes(self._head)
            if head_bytes is None:
                return size
            position += head_bytes - known
            self._begin(bytes(self._head[:head_bytes]))
        return position

    def _begin(self, head: bytes) -> None:
        self._head.clear()
        self.closed = self.closed or head[0] & 0x0F == OPCODE_CLOSE
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack_from(">H", head, 2)
        elif length == 127:
            (length,) = struct.unpack_from(">Q", head, 2)
        self._left_bytes = length


def _head_bytes(head: bytearray) -> int | None:
    """How long a frame's head is; ``None``: more of it has to come."""
    if len(head) < 2:
        return None
    length = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    whole = 2 + length + (4 if head[1] & 0x80 else 0)
    return whole if len(head) >= whole else None


def close_frame(code: int, reason: str = "") -> bytes:
    """A server's close frame."""
    payload = struct.pack(">H", code) + reason.encode()[:120]
    return bytes((0x80 | OPCODE_CLOSE, len(payload))) + payload
