"""The clipboard inside a session, as a terminal of the sample image has it (OSC 52)."""

from __future__ import annotations

import base64

from tests.support.rfb_client import RfbClient

_XTERM = ["xterm", "-xrm", "XTerm*disallowedWindowOps:", "-xrm", "XTerm*allowWindowOps: true", "-e"]
_ASK = (
    "stty raw -echo; exec perl -e "
    r"""'open $told, ">", shift; $/ = "\a"; $| = 1; alarm 60; print "\e]52;c;?\a"; """
    r"""print {$told} scalar <STDIN>' "$0" """
)
"""Ends with the terminal's answer, however long that takes: what ends the question ends it, too."""


def copying(text: str) -> list[str]:
    """A program that owns the clipboard for as long as it lives."""
    encoded = base64.b64encode(text.encode()).decode()
    return [*_XTERM, "sh", "-c", rf"printf '\033]52;c;%s\a' {encoded}; sleep 600"]


PASTING = ["sh", "-c", ': > "$0"; "$@"; cat "$0"', "/tmp/pasted"]
PASTING += [*_XTERM, "sh", "-c", _ASK, "/tmp/pasted"]
"""A program that asks for the clipboard and prints what the terminal was told.

Without an owner of the clipboard the terminal of bookworm dies, and nothing is printed.
"""


def pasted(answer: str) -> str:
    """The text in that answer; empty when there was none."""
    encoded = answer.partition("52;c;")[2].rstrip("\x07\x1b\\")
    return base64.b64decode(encoded).decode()


def painting(colour: tuple[int, int, int]) -> list[str]:
    """A program that paints the background: viewers are told after whatever came before."""
    return ["xsetroot", "-solid", "#{:02x}{:02x}{:02x}".format(*colour)]


def is_painted(screen: RfbClient, colour: tuple[int, int, int]) -> bool:
    """Whether this viewer has been told."""
    width, height = screen.size
    return screen.image().getpixel((width - 1, height - 1)) == colour
