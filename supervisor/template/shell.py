"""Command lines: where a value may stand in one, and how it is put there.

A command in string form is run by ``/bin/sh -c``. ``${start.command}`` is a command line itself and
goes in verbatim; every other value becomes exactly one word (or part of one) by ``shlex.quote``.
Quoting holds only where the shell reads plain words, so a placeholder anywhere else is a fault of
the template, found at load.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from supervisor.template.text import Leaf, Placeholder, segments_of

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND_NAME: Final = "start.command"


class Context(StrEnum):
    """How the shell reads what comes next; the text is advice to the template's author."""

    PLAIN = ""
    SINGLE = "inside single quotes: remove the quotes: the value is quoted already"
    DOUBLE = "inside double quotes: remove the quotes: the value is quoted already"
    ESCAPED = "after a backslash: remove it: the value is quoted already"
    BACKTICK = "inside backticks, where quoting does not hold: write $$(...) instead"
    COMMENT = "inside a shell comment: take it out"
    HERE_DOCUMENT = "after <<: a line with here-documents cannot hold values"
    ARITHMETIC = "after ((: arithmetic would evaluate it: put values before it"
    ANSI_QUOTES = "after $$'...', which not every shell reads as quotes: write it otherwise"
    NESTED = (
        "after $$(...), backticks or $${...} that cannot be followed safely, such as those inside "
        "double quotes: put values before them, or assign them to variables before"
    )


_BARE: Final = re.compile(r"[A-Za-z0-9_@%+:./-]+")
_RESERVED: Final = frozenset(
    [
        *("if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done"),
        *("case", "in", "esac", "select", "function", "time", "coproc"),
    ]
)

# Variables whose expansion holds nothing that could open or close anything.
_SIMPLE = r"""\$\{\w+(?:(?::?[-=+?]|%%?|\#\#?)[\w./:=@,+*-]*)?\}"""

# What leads from one context to the next. Alternatives are tried in order, so that an escaped
# character is passed over before the quote that it might be is seen. Contexts without an entry are
# never left: following the shell through them takes a whole parser, and a mistake would let a
# value be executed.
_TRANSITIONS: Final = {
    Context.PLAIN: re.compile(
        rf"""(?P<NESTED>\\\n\#) | (?P<ESCAPED>\\\Z) | \\. | {_SIMPLE} | (?P<ANSI_QUOTES>\$')
        | (?P<ARITHMETIC>\(\() | (?P<NESTED_1>\$[{{\[]) | (?P<NESTED_2>[<>]\#|\$\Z)
        | (?P<SINGLE>') | (?P<DOUBLE>") | (?P<BACKTICK>`)
        | (?P<COMMENT>(?:(?<=[ \t\n;&|()])|(?<![\s\S]))\#) | (?P<HERE_DOCUMENT><<)""",
        re.VERBOSE | re.DOTALL | re.ASCII,
    ),
    Context.ESCAPED: re.compile(r"(?P<PLAIN>[\s\S])"),
    Context.SINGLE: re.compile(r"(?P<PLAIN>')"),
    Context.DOUBLE: re.compile(
        rf"""\\[\s\S] | {_SIMPLE} | (?P<NESTED>`|\$[(\[{{]) | (?P<PLAIN>")""",
        re.VERBOSE | re.ASCII,
    ),
    Context.BACKTICK: re.compile(r"\\[\s\S]|(?P<PLAIN>`)"),
    Context.COMMENT: re.compile(r"(?P<PLAIN>\n)"),
}


def misplaced(command_line: Leaf) -> Iterator[tuple[Placeholder, Context]]:
    """Yield placeholders standing where quoting their value would not keep it one word."""
    context = Context.PLAIN
    # A stand-in for each value keeps words together, so that "#" after one opens no comment.
    before = ""
    for segment in segments_of(command_line):
        if isinstance(segment, str):
            context = _after(context, before + segment, start=len(before))
            before = segment[-1:]
            continue
        before = "x"
        if segment.name != COMMAND_NAME and context is not Context.PLAIN:
            yield segment, context
        elif segment.default is not None and segment.name == COMMAND_NAME:
            yield from misplaced(segment.default)
        if context is Context.ESCAPED:
            context = Context.PLAIN


def quoted(value: str) -> str:
    """Write a value as one word that the shell reads as nothing else.

    More is quoted than by ``shlex.quote``: a bare ``A=b`` could be an assignment, a bare ``then``
    a keyword, a bare comma a part of a brace expansion.
    """
    bare = _BARE.fullmatch(value) is not None and value not in _RESERVED
    return value if bare else "'" + value.replace("'", "'\"'\"'") + "'"


def _after(context: Context, text: str, start: int) -> Context:
    """Follow the quoting through a literal piece; contexts without transitions are never left."""
    position = start
    while context in _TRANSITIONS:
        found = _TRANSITIONS[context].search(text, position)
        if found is None:
            break
        position = found.end()
        if found.lastgroup is not None:
            context = Context[found.lastgroup.rstrip("_12")]
    return context
