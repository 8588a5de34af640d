"""Tables that fit: fixed columns keep their width, flexible ones share what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = 2
LEGIBLE = 10


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a flexible one may be cut, with an ellipsis, an optional one left out."""

    title: str
    flexible: bool = False
    right: bool = False
    optional: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[Text]:
    """The heading and the rows, each one line of at most ``width`` cells if that can be."""
    lines = [[Text(column.title, style="bold") for column in columns], *rows]
    if _needed(columns, lines) > width:
        kept = [i for i, column in enumerate(columns) if not column.optional]
        columns = [columns[i] for i in kept]
        lines = [[line[i] for i in kept] for line in lines]
    widths = _widths(columns, lines, width)
    return [_line(columns, line, widths) for line in lines]


def _natural(rows: Sequence[Sequence[Text]]) -> list[int]:
    return [max(cell_len(cell.plain) for cell in cells) for cells in zip(*rows, strict=True)]


def _needed(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> int:
    """The width at which flexible columns are still of use."""
    widths = zip(columns, _natural(rows), strict=True)
    used = (min(width, LEGIBLE) if column.flexible else width for column, width in widths)
    return sum(used) + GAP * (len(columns) - 1)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    natural = _natural(rows)
    flexible = [i for i, column in enumerate(columns) if column.flexible]
    room = width - GAP * (len(columns) - 1)
    room -= sum(natural[i] for i in range(len(columns)) if i not in flexible)
    # The narrow ones take what they need; what they leave, the wide ones share.
    for left, i in enumerate(sorted(flexible, key=natural.__getitem__)):
        share = max(cell_len(columns[i].title), room // (len(flexible) - left))
        natural[i] = min(natural[i], share)
        room -= natural[i]
    return natural


def _line(columns: Sequence[Column], row: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for column, cell, width in zip(columns, row, widths, strict=True):
        fitted = cell.copy()
        fitted.truncate(width, overflow="ellipsis")
        padding = " " * (width - cell_len(fitted.plain))
        if line:
            line.append(" " * GAP)
        line.append_text(Text.assemble(padding, fitted) if column.right else fitted)
        if not column.right:
            line.append(padding)
    line.rstrip()
    return line
