"""Reads ``${...}`` as Compose does, with dotted names.

    ${user.name}   ${ user.name }   ${extra.tmp_dir:-/tmp}   ${start.command:?say what to run}   $$

Blanks inside the braces are ignored. A default may hold placeholders, whose own defaults may not.
``$$`` is one dollar sign; any other dollar sign that opens no placeholder is an error, so that
what was meant as a placeholder never reaches a container unrendered.
"""

from __future__ import annotations

import re

from supervisor.template.text import Leaf, Mark, Placeholder, Text, leaf_of

_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\s*")
_PIECE = re.compile(r"[^$}]+")


class PlaceholderError(ValueError):
    """A fault at ``offset`` of the text."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


class Locator:
    """Tells where in the file the nth dollar sign of a scalar stands.

    ``source`` is the scalar as written, ``start`` its place. Where escapes in the source hide
    dollar signs, the start of the scalar has to do.
    """

    def __init__(self, value: str, source: str, start: Mark) -> None:
        self._start = start
        self._ordinal = {m.start(): n for n, m in enumerate(re.finditer(r"\$", value))}
        places = [m.start() for m in re.finditer(r"\$", source)]
        self._places = places if len(places) == len(self._ordinal) else []
        self._source = source

    def mark(self, offset: int) -> Mark:
        """Where the character at ``offset`` of the value stands, if it is a dollar sign."""
        if offset not in self._ordinal or not self._places:
            return self._start
        before = self._source[: self._places[self._ordinal[offset]]]
        lines = before.count("\n")
        if lines:
            return Mark(self._start.line + lines, len(before) - before.rindex("\n"))
        return Mark(self._start.line, self._start.column + len(before))


def parse_text(value: str, locator: Locator) -> Leaf:
    """Parse a scalar; a plain string comes back where it holds no placeholder.

    Raises PlaceholderError.
    """
    segments, end = _segments(value, 0, locator, depth=0)
    if end != len(value):  # pragma: no cover - depth 0 reads to the end
        raise PlaceholderError(end, "text after the end")
    return leaf_of(segments)


def _segments(
    value: str, offset: int, locator: Locator, depth: int
) -> tuple[list[str | Placeholder], int]:
    """Read up to the end, or inside a default (depth above 0) up to the closing brace."""
    segments: list[str | Placeholder] = []
    while offset < len(value):
        if value.startswith("$$", offset):
            _append(segments, "$")
            offset += 2
        elif value.startswith("${", offset):
            placeholder, offset = _placeholder(value, offset, locator, depth)
            segments.append(placeholder)
        elif value[offset] == "$":
            msg = "a lone $: write $$ for a dollar sign, ${name} for a value"
            raise PlaceholderError(offset, msg)
        elif value[offset] == "}":
            if depth:
                break
            _append(segments, "}")
            offset += 1
        else:
            piece = _PIECE.match(value, offset)
            assert piece is not None  # noqa: S101 - the branches above leave nothing else
            _append(segments, piece[0])
            offset = piece.end()
    return segments, offset


def _append(segments: list[str | Placeholder], literal: str) -> None:
    if segments and isinstance(segments[-1], str):
        segments[-1] += literal
    else:
        segments.append(literal)


def _placeholder(value: str, start: int, locator: Locator, depth: int) -> tuple[Placeholder, int]:
    if depth > 1:
        raise PlaceholderError(start, "placeholders may be nested once, not deeper")
    match = _NAME.match(value, start + 2)
    if match is None:
        msg = "${ must be followed by a name such as user.name"
        raise PlaceholderError(start, msg)
    name, offset, mark = match[1], match.end(), locator.mark(start)
    if value.startswith("}", offset):
        return Placeholder(name, mark), offset + 1
    operator = value[offset : offset + 2]
    if operator == ":-":
        segments, end = _segments(value, offset + 2, locator, depth + 1)
        _expect_brace(value, start, end)
        default = leaf_of(_stripped(segments))
        as_text = default if isinstance(default, Text) else Text((default,))
        return Placeholder(name, mark, default=as_text), end + 1
    if operator == ":?":
        end = value.find("}", offset)
        _expect_brace(value, start, end)
        return Placeholder(name, mark, message=value[offset + 2 : end].strip()), end + 1
    _expect_brace(value, start, value.find("}", offset))
    msg = f"${{{name}...}}: after the name only :-default or :?message may follow"
    raise PlaceholderError(start, msg)


def _expect_brace(value: str, start: int, end: int) -> None:
    if end < 0 or not value.startswith("}", end):
        raise PlaceholderError(start, "${ without its closing }")


def _stripped(segments: list[str | Placeholder]) -> list[str | Placeholder]:
    """Without the blanks just inside the braces."""
    if segments and isinstance(segments[0], str):
        segments[0] = segments[0].lstrip()
    if segments and isinstance(segments[-1], str):
        segments[-1] = segments[-1].rstrip()
    return segments
