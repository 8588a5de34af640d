"""``volumes`` and ``tmpfs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from supervisor.template.schema.mounts import Propagation
from supervisor.template.text import Leaf, Text, segments_of, split

if TYPE_CHECKING:
    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc

_NOT_WITH_MOUNTS = {
    "z": "relabelling is not possible with mounts: label the directory on the host",
    "Z": "relabelling is not possible with mounts: label the directory on the host",
    "cached": "has no effect on Linux",
    "delegated": "has no effect on Linux",
    "consistent": "has no effect on Linux",
}


def volumes(document: Document, value: Tree, loc: Loc) -> Tree:
    """``source:target:options`` as Compose's long form."""
    if not isinstance(value, list):
        return value
    return [
        _volume(document, item, (*loc, index)) if isinstance(item, (str, Text)) else item
        for index, item in enumerate(value)
    ]


def _volume(document: Document, item: Leaf, loc: Loc) -> Tree:
    parts = split(item, ":")
    match parts:
        case [target]:
            return {"type": "volume", "target": target}
        case [source, target]:
            return _mount(source, target)
        case [source, target, options]:
            mount = _mount(source, target)
            for option in split(options, ","):
                _apply(document, mount, option, loc)
            return mount
        case _:
            document.blame(loc, "too many colons: write the long form (type, source, target)")
            return {"type": "volume", "target": "/"}


def _mount(source: Leaf, target: Leaf) -> dict[str, Tree]:
    return {"type": "bind" if _is_path(source) else "volume", "source": source, "target": target}


def _is_path(source: Leaf) -> bool:
    """Tell a path from a volume's name. A value decides nothing, but may begin a path.

    ``${user.home}`` is a path, as is everything that begins with a value and goes on with ``/``.
    """
    segments = segments_of(source)
    first = segments[0] if segments else ""
    if isinstance(first, str):
        return first.startswith(("/", ".", "~"))
    rest = segments[1] if len(segments) > 1 else None
    return first.name == "user.home" or (isinstance(rest, str) and rest.startswith("/"))


def _apply(document: Document, mount: dict[str, Tree], option: Leaf, loc: Loc) -> None:
    kind = str(mount["type"])
    details = mount.setdefault(kind, {})
    assert isinstance(details, dict)  # noqa: S101 - it was made in this module
    match option:
        case "ro" | "rw":
            mount["read_only"] = option == "ro"
        case "nocopy" if kind == "volume":
            details["nocopy"] = True
        case str() if option in get_args(Propagation) and kind == "bind":
            details["propagation"] = option
        case str() if option in _NOT_WITH_MOUNTS:
            document.blame(loc, f"the option {option} {_NOT_WITH_MOUNTS[option]}")
        case str():
            document.blame(loc, f"unknown option {option} for type: {kind}")
        case _:
            document.blame(loc, "options must be written out: no placeholders there")


def tmpfs_mounts(document: Document, value: Tree, loc: Loc) -> Tree:
    """``/run:size=64m,mode=755`` as its parts."""
    items = value if isinstance(value, list) else [value]
    found: list[Tree] = []
    for index, item in enumerate(items):
        if not isinstance(item, (str, Text)):
            document.blame((*loc, index), "must be text such as /run:size=64m")
            continue
        target, *options = split(item, ":", limit=1)
        listed: list[Tree] = [part for text in options for part in split(text, ",") if part != ""]
        found.append({"target": target, "options": listed})
    return found
