"""``KEY=value`` lists, and single values where a list is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.template.text import Text, split

if TYPE_CHECKING:
    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc


def pairs(document: Document, value: Tree, loc: Loc) -> Tree:
    """``["A=1", "B"]`` as ``{"A": "1", "B": None}``; a placeholder may stand after the = only."""
    if not isinstance(value, list):
        return value
    found: dict[str, Tree] = {}
    for index, item in enumerate(value):
        here = (*loc, index)
        if not isinstance(item, (str, Text)):
            document.blame(here, "must be text such as KEY=value")
            continue
        name, *rest = split(item, "=", limit=1)
        if not isinstance(name, str):
            document.blame(here, "a placeholder may stand after the = only, never in the name")
        elif name in found:
            document.blame(here, f"{name} stands here twice")
        else:
            document.place((*loc, name), here)
            found[name] = rest[0] if rest else None
    return found


def one_or_many(_document: Document, value: Tree, _loc: Loc) -> Tree:
    """``value`` as ``[value]``."""
    return value if isinstance(value, (list, dict)) else [value]
