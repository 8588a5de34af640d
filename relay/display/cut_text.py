"""Which cut texts of RFB may pass: a session's clipboard policy, in both directions.

A cut text is the plain one (its text in Latin-1) or, with a negative length, one of the extended
clipboard's messages. Of these ``caps``, ``request`` and ``peek`` carry no text: they pass either
way as long as text may travel at all, for without them it could not be agreed on how.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.lifecycle.tickets import Mode

EXTENDED_CLIPBOARD = struct.unpack(">i", b"\xc0\xa1\xe5\xce")[0]
"""The pseudo-encoding by which a viewer asks for it."""

HEAD_BYTES = 12
"""Type, padding, length, and of an extended message its flags."""

_CAPS = 0x01000000
_TEXTLESS = 0x02000000 | 0x04000000  # request, peek
_ACTIONS = 0xFF000000
_TEXTLESS_BYTES = 68
"""Flags and, in caps, a size for each of 16 formats; what is longer carries something else."""


@dataclass(frozen=True, slots=True)
class Clipboard:
    """What one viewer may do with the session's clipboard."""

    inward: bool
    """From the viewer to the session."""
    outward: bool

    @property
    def any(self) -> bool:
        """Whether there is a clipboard at all."""
        return self.inward or self.outward


def clipboard_of(mode: Mode, policy: ClipboardPolicy) -> Clipboard:
    """A view-only viewer has none: what the session's user copies is not on the screen."""
    if mode is Mode.VIEW:
        return Clipboard(inward=False, outward=False)
    return Clipboard(
        inward=policy in {ClipboardPolicy.BOTH, ClipboardPolicy.IN},
        outward=policy in {ClipboardPolicy.BOTH, ClipboardPolicy.OUT},
    )


def is_complete(head: bytes) -> bool:
    """Whether this much of a cut text is enough for ``is_textless``."""
    if len(head) < 8:
        return False
    size = _size(head)
    return size >= 0 or len(head) >= min(8 - size, HEAD_BYTES)


def is_textless(head: bytes) -> bool:
    """Whether a cut text of either side, by its first bytes, is an agreement and no text."""
    size = _size(head)
    if not -_TEXTLESS_BYTES <= size <= -4:
        return False
    (flags,) = struct.unpack_from(">I", head, 8)
    # Caps have the bits of all actions that whoever sends them can do.
    return bool(flags & _CAPS) or not flags & _ACTIONS & ~_TEXTLESS


def _size(head: bytes) -> int:
    size: int = struct.unpack_from(">i", head, 4)[0]
    return size
