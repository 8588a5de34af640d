"""Text with placeholders, parsed once: what a scalar of a template becomes at load.

Literal pieces and placeholders stay apart until the container is described, so a value can never
be read again as a placeholder, as YAML or as one of Compose's short forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Placeholder:
    """``${name}``, ``${name:-default}`` or ``${name:?message}``."""

    name: str
    mark: Mark
    default: Text | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Literal pieces and placeholders in order; neighbouring literals are one piece."""

    segments: tuple[str | Placeholder, ...]

    @property
    def literal(self) -> str | None:
        """The text itself if nothing is left to fill in, else None."""
        if all(isinstance(segment, str) for segment in self.segments):
            return "".join(segment for segment in self.segments if isinstance(segment, str))
        return None

    @property
    def sole(self) -> Placeholder | None:
        """The placeholder that is all of this text, if there is just that."""
        first = self.segments[0] if len(self.segments) == 1 else None
        return first if isinstance(first, Placeholder) else None

    def placeholders(self) -> Iterator[Placeholder]:
        """Every placeholder, those inside defaults too."""
        for segment in self.segments:
            if isinstance(segment, Placeholder):
                yield segment
                if segment.default is not None:
                    yield from segment.default.placeholders()


UNREADABLE = Text((Placeholder("user.name", Mark(1, 1)),))
"""Stands in for a value whose fault is recorded already, so that it causes no second one."""


@dataclass(frozen=True, slots=True)
class ShellLine:
    """Text that is a command line: values are quoted as they are filled in."""

    text: Text


Leaf = str | Text


def segments_of(leaf: Leaf) -> tuple[str | Placeholder, ...]:
    """Give the pieces of a leaf, literal or not."""
    return leaf.segments if isinstance(leaf, Text) else (leaf,)


def leaf_of(segments: list[str | Placeholder]) -> Leaf:
    """Join pieces to a leaf: a plain string where nothing is left to fill in."""
    joined: list[str | Placeholder] = []
    for segment in segments:
        if isinstance(segment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += segment
        elif segment != "":
            joined.append(segment)
    text = Text(tuple(joined))
    literal = text.literal
    return text if literal is None else literal


def split(leaf: Leaf, separator: str, *, limit: int = -1) -> list[Leaf]:
    """``str.split`` that looks at the literal pieces only: values hold no separators."""
    parts: list[list[str | Placeholder]] = [[]]
    for segment in segments_of(leaf):
        if isinstance(segment, Placeholder):
            parts[-1].append(segment)
            continue
        room = -1 if limit < 0 else limit - (len(parts) - 1)
        first, *rest = segment.split(separator, room) if room else [segment]
        parts[-1].append(first)
        parts.extend([piece] for piece in rest)
    return [leaf_of(part) for part in parts]


def rsplit(leaf: Leaf, separator: str, *, limit: int) -> list[Leaf]:
    """``str.rsplit`` likewise: at most ``limit`` splits, from the right."""
    parts = split(leaf, separator)
    surplus = len(parts) - 1 - limit
    if surplus <= 0:
        return parts
    return [join(parts[: surplus + 1], separator), *parts[surplus + 1 :]]


def join(parts: list[Leaf], separator: str) -> Leaf:
    """Put leaves together again, with the separator as literal text."""
    segments: list[str | Placeholder] = []
    for index, part in enumerate(parts):
        if index:
            segments.append(separator)
        segments.extend(segments_of(part))
    return leaf_of(segments)
