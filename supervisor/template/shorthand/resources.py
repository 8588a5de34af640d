"""``devices``, ``gpus`` and ``ulimits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.template.text import Leaf, ShellLine, Text, split

if TYPE_CHECKING:
    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc


def devices(document: Document, value: Tree, loc: Loc) -> Tree:
    """``source[:target[:permissions]]`` as its parts."""
    if not isinstance(value, list):
        return value
    return [
        _device(document, item, (*loc, index)) if isinstance(item, (str, Text)) else _whole(item)
        for index, item in enumerate(value)
    ]


def _device(document: Document, item: Leaf, loc: Loc) -> Tree:
    match split(item, ":"):
        case [source]:
            return {"source": source, "target": source}
        # ``docker run`` reads /dev/x:rwm so; a container's path begins with a slash.
        case [source, str() as second] if not second.startswith("/"):
            return {"source": source, "target": source, "permissions": second}
        case [source, target]:
            return {"source": source, "target": target}
        case [source, target, permissions]:
            return {"source": source, "target": target, "permissions": permissions}
        case _:
            document.blame(loc, "must be source:target:permissions")
            return {"source": "/dev/null", "target": "/dev/null"}


def _whole(item: Tree) -> Tree:
    """Compose's long form, in which the target may be left out."""
    if isinstance(item, dict) and "source" in item:
        return {"target": item["source"]} | item
    return item


def gpus(document: Document, value: Tree, loc: Loc) -> Tree:
    """``all`` or a number as one request."""
    match value:
        case list():
            return value
        case dict():
            return [value]
        case str() if value != "all" and not value.isdigit():
            document.blame(loc, 'must be "all", a number, or a list such as [{device_ids: ["0"]}]')
            return []
        case _:
            document.place((*loc, 0, "count"), loc)
            return [{"count": value}]


def ulimits(document: Document, value: Tree, loc: Loc) -> Tree:
    """``nofile: 1024`` as soft and hard alike."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Tree] = {}
    for name, limit in value.items():
        if isinstance(limit, (dict, list, ShellLine)) or limit is None:
            found[name] = limit
            continue
        for part in ("soft", "hard"):
            document.place((*loc, name, part), (*loc, name))
        found[name] = {"soft": limit, "hard": limit}
    return found
