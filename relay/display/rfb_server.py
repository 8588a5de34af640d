"""What a server says in RFB, message by message, to keep its clipboard back: pure, no I/O.

    version -> security -> ServerInit -> messages, of which updates are rectangles, each as long as
    its encoding says

Only for viewers who may not have the clipboard; nothing else is changed or held back. The viewer's
side (``rfb.py``) lets nothing be asked for that cannot be framed here; a server that sends it
nevertheless, or claims what cannot be, ends the stream. Pictures are not looked into: they pass as
they arrive. Formats: RFC 6143 section 7 and the community's rfbproto.rst for the extensions.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from enum import Enum, auto

from relay.display.cut_text import is_textless
from relay.display.rfb_rectangles import Steps, rectangle
from relay.display.rfb_terms import Agreed, RfbError, pixel_sizes

_SECURITY_NONE = 1
_UNTIL_LAST = 0xFFFF


class _Fate(Enum):
    """What becomes of the bytes that are being read."""

    FORWARD = auto()
    HOLD = auto()
    """Until it is known which message they begin."""
    DROP = auto()


class ServerStream:
    """One server's side of a connection, fed as it arrives and cut anywhere."""

    def __init__(self, agreed: Agreed, *, textless: bool) -> None:
        """``textless``: whether the extended clipboard's agreements pass."""
        self._agreed = agreed
        self._textless = textless
        self._fate = _Fate.FORWARD
        self._held = bytearray()
        self._kept: list[bytes | memoryview] = []
        self._taken = bytearray()
        self._reading = self._read()
        self._wanted = next(self._reading)
        self.steps = 0
        """How often something was looked at, for whoever shares the time."""

    @property
    def passing_bytes(self) -> int:
        """So many come next that need not be looked at."""
        return max(0, -self._wanted)

    def passes(self, size: int) -> bool:
        """Whether the next bytes are all of a picture, and more of it to come; counted then."""
        if self._fate is not _Fate.FORWARD or self.passing_bytes <= size:
            return False
        self._wanted += size
        self.steps += 1
        return True

    def feed(self, chunk: bytes) -> bytes:
        """What of the next bytes goes on. Raises RfbError; nothing of the chunk does then."""
        return b"".join(self.take(chunk))

    def take(self, chunk: bytes | memoryview) -> list[bytes | memoryview]:
        """The same in parts, most of them views of the chunk."""
        view = memoryview(chunk)
        at = 0
        while at < len(chunk):
            wanted = self._wanted
            part = view[at : at + (wanted - len(self._taken) if wanted > 0 else -wanted)]
            at += len(part)
            self.steps += 1
            self._put(part)
            if wanted > 0:
                self._taken += part
                if len(self._taken) == wanted:
                    taken = bytes(self._taken)
                    self._taken.clear()
                    self._wanted = self._reading.send(taken)
            elif wanted + len(part):
                self._wanted = wanted + len(part)
            else:
                self._wanted = self._reading.send(b"")
        kept, self._kept = self._kept, []
        return kept

    def _put(self, part: memoryview) -> None:
        if self._fate is _Fate.FORWARD:
            self._kept.append(part)
        elif self._fate is _Fate.HOLD:
            self._held += part

    def _judge(self, fate: _Fate) -> None:
        """What becomes of what was held, and of what comes until the next message."""
        self._fate = fate
        if fate is _Fate.FORWARD:
            self._kept.append(bytes(self._held))
        self._held.clear()

    def _read(self) -> Generator[int, bytes, None]:
        """Ask for the next bytes: as many as that to be looked at, or, negative, to pass."""
        yield from self._greeting()
        while True:
            self._judge(_Fate.HOLD)
            kind = (yield 1)[0]
            if kind == 3:
                yield from self._cut_text()
                continue
            self._judge(_Fate.FORWARD)
            match kind:
                case 0:  # FramebufferUpdate
                    yield from self._update()
                case 1:  # SetColourMapEntries
                    yield from passing(6 * _u16((yield 5), 3))
                case 2 | 150:  # Bell, EndOfContinuousUpdates
                    pass
                case 248:  # ServerFence
                    yield from passing((yield 8)[7])
                case 250:  # xvp
                    yield from passing(3)
                case _:
                    raise RfbError(f"the display sent an unknown message ({kind})")

    def _greeting(self) -> Steps:
        yield 12
        # The server has its say on security only once the viewer has said its version.
        if self._agreed.version == b"RFB 003.003\n":
            (security,) = struct.unpack(">I", (yield 4))
        else:
            offered = yield (yield 1)[0] or 1
            security = _SECURITY_NONE if _SECURITY_NONE in offered else 0
        if security != _SECURITY_NONE:
            raise RfbError("the display wants a password")
        if self._agreed.version == b"RFB 003.008\n" and (yield 4) != bytes(4):
            raise RfbError("the display refused the connection")
        head = yield 24
        if self._agreed.pixel is None:
            self._agreed.pixel = pixel_sizes(head[4:20])
        yield from passing(struct.unpack_from(">I", head, 20)[0])

    def _cut_text(self) -> Steps:
        head = b"\x03" + (yield 7)
        (size,) = struct.unpack_from(">i", head, 4)
        left = abs(size)
        if size <= -4:
            head += yield 4
            left -= 4
        passes = self._textless and is_textless(head)
        self._judge(_Fate.FORWARD if passes else _Fate.DROP)
        yield from passing(left)

    def _update(self) -> Steps:
        count = _u16((yield 3), 1)
        pixel = self._agreed.pixel
        if pixel is None:
            raise RfbError("the display sent a picture before it was greeted")
        while count:
            head = yield 12
            width, height, encoding = struct.unpack_from(">HHi", head, 4)
            if encoding == -224:  # LastRect
                return
            yield from rectangle(width, height, encoding, pixel)
            if count != _UNTIL_LAST:
                count -= 1


def passing(count: int) -> Steps:
    """So many bytes that need not be looked at."""
    if count:
        yield -count


def _u16(content: bytes, at: int) -> int:
    value: int = struct.unpack_from(">H", content, at)[0]
    return value
