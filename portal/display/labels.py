"""What a viewer's ticket is labelled with, by which it is found again.

    label = "fx-portal." SHARE "." SIGN-IN "." CONNECTION        (a dash stands for none)

The label tells, also after a restart and for displays that do not pass the portal, by which share
and which sign-in a viewer came. A connection's name begins with the portal's mark, by which one
portal knows its viewers from those of another before the same relay.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

_PREFIX = "fx-portal"
_MARK_CHARACTERS = 6
_CONNECTION_BYTES = 5


@dataclass(frozen=True, slots=True)
class Label:
    """By what a viewer came: ids, no secrets."""

    share: str | None
    sign_in: str | None
    connection: str

    @classmethod
    def read(cls, text: str | None) -> Label | None:
        """What the relay tells of a viewer; ``None`` if it is not a portal's."""
        parts = (text or "").split(".")
        if len(parts) != 4 or parts[0] != _PREFIX:
            return None
        share, sign_in = (None if part == "-" else part for part in parts[1:3])
        return cls(share, sign_in, parts[3])

    def __str__(self) -> str:
        return f"{_PREFIX}.{self.share or '-'}.{self.sign_in or '-'}.{self.connection}"


def mark_of(key: bytes) -> str:
    """What names a portal in all its lives, of a key that it keeps; tells nothing of the key."""
    return hashlib.sha256(b"mark:" + key).hexdigest()[:_MARK_CHARACTERS]


def new_connection(mark: str) -> str:
    """The name of one more of a portal's connections."""
    return mark + secrets.token_hex(_CONNECTION_BYTES)
