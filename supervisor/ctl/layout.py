"""Tables that fit: fixed columns keep their width, flexible ones share what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a flexible one may be cut, with an ellipsis."""

    title: str
    flexible: bool = False
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[Text]:
    """The heading and the rows, each one line of at most ``width`` cells if that can be."""
    heading = [Text(column.title, style="bold") for column in columns]
    widths = _widths(columns, [heading, *rows], width)
    return [_line(columns, row, widths) for row in [heading, *rows]]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    natural = [max(cell_len(row[i].plain) for row in rows) for i in range(len(columns))]
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
