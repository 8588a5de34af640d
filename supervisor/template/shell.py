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
    HERE_DOCUMENT = "after <<: here-documents cannot hold values"
    ARITHMETIC = "inside $$((...)), which would evaluate it: assign it to a variable first"
    ANSI_QUOTES = "after $$'...', which not every shell reads as quotes: write it otherwise"


# What leads from one context to the next. Alternatives are tried in order, so that an escaped
# character is passed over before the quote that it might be is seen.
_TRANSITIONS: Final = {
    Context.PLAIN: re.compile(
        r"""(?P<ESCAPED>\\\Z) | \\. | (?P<ANSI_QUOTES>\$') | (?P<SINGLE>') | (?P<DOUBLE>")
        | (?P<BACKTICK>`) | (?P<COMMENT>(?:(?<=[\s;&|()])|(?<![\s\S]))\#) | (?P<HERE_DOCUMENT><<)
        | (?P<ARITHMETIC>\(\()""",
        re.VERBOSE | re.DOTALL,
    ),
    Context.ESCAPED: re.compile(r"(?P<PLAIN>[\s\S])"),
    Context.SINGLE: re.compile(r"(?P<PLAIN>')"),
    Context.DOUBLE: re.compile(r'\\[\s\S]|(?P<PLAIN>")'),
    Context.BACKTICK: re.compile(r"\\[\s\S]|(?P<PLAIN>`)"),
    Context.COMMENT: re.compile(r"(?P<PLAIN>\n)"),
    Context.ARITHMETIC: re.compile(r"(?P<PLAIN>\)\))"),
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


def _after(context: Context, text: str, start: int) -> Context:
    """Follow the quoting through a literal piece; contexts without transitions are never left."""
    position = start
    while context in _TRANSITIONS:
        found = _TRANSITIONS[context].search(text, position)
        if found is None:
            break
        position = found.end()
        if found.lastgroup is not None:
            context = Context[found.lastgroup]
    return context
