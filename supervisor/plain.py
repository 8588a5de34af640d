"""Text without power over a terminal.

Names, titles, messages and logs come from users and their sessions. What could move a terminal's
cursor, change its colours, turn the direction of writing or type into it is made visible before it
gets there.
"""

from __future__ import annotations

import unicodedata

# Controls, surrogates, and what turns the direction of writing round. Cf also holds the joiners
# that scripts and emoji need: of it only the bidirectional controls are unwelcome.
_UNWELCOME = {"Cc", "Cs", "Zl", "Zp"}
_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def plain(text: str, keep: str = "") -> str:
    r"""The text without power over a terminal; what has some becomes ``\x1b`` and the like."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character, keep) for character in text)


def plain_lines(text: str) -> str:
    """The same for text of several lines: line ends and tabs stay."""
    return plain(text.replace("\r\n", "\n"), keep="\n\t")


def _visible(character: str, keep: str) -> str:
    unwelcome = unicodedata.category(character) in _UNWELCOME or character in _BIDIRECTIONAL
    if character in keep or not unwelcome:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
