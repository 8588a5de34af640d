"""The names that placeholders may have, and whether each is sure to have a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from supervisor.phrasing import did_you_mean
from supervisor.template.judge import as_written
from supervisor.template.text import Placeholder, ShellLine, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from supervisor.template.document import Tree
    from supervisor.template.errors import Loc
    from supervisor.template.params import Param

FIXED_NAMES: Final = (
    "user.name",
    "user.uid",
    "user.gid",
    "user.home",
    "user.shell",
    "user.gecos",
    "session.id",
    "session.name",
    "start.command",
    "start.geometry",
    "start.name",
    "start.dpi",
    "host.name",
)
PARAM_PREFIX: Final = "start.params."
EXTRA_PREFIX: Final = "extra."
EXTRA_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def texts(tree: Tree | Mapping[str, Tree], loc: Loc = ()) -> Iterator[tuple[Loc, Text]]:
    """Yield every leaf that holds placeholders."""
    match tree:
        case dict():
            for key, value in tree.items():
                yield from texts(value, (*loc, key))
        case list():
            for index, value in enumerate(tree):
                yield from texts(value, (*loc, index))
        case Text():
            yield as_written(loc), tree
        case ShellLine():
            yield as_written(loc), tree.text
        case _:
            pass


def name_fault(placeholder: Placeholder, params: Mapping[str, Param]) -> str | None:
    """Say why the placeholder can never be filled in, if so."""
    name = placeholder.name
    if name in FIXED_NAMES:
        return None
    if name.startswith(EXTRA_PREFIX):
        if EXTRA_NAME.fullmatch(name.removeprefix(EXTRA_PREFIX)):
            return None
        return f"{name} is not a name that a web server can send"
    if name.startswith(PARAM_PREFIX):
        return _param_fault(placeholder, name.removeprefix(PARAM_PREFIX), params)
    known = [*FIXED_NAMES, *(PARAM_PREFIX + param for param in params)]
    return f"nothing is called {name}{did_you_mean(name, known)}"


def _param_fault(placeholder: Placeholder, name: str, params: Mapping[str, Param]) -> str | None:
    param = params.get(name)
    if param is None:
        listed = ", ".join(sorted(params)) or "none"
        return f"{name} is not declared under params: (declared: {listed})"
    sure = param.required or param.default is not None
    if sure or placeholder.default is not None or placeholder.message is not None:
        return None
    return (
        f"{name} may be left out: give it a default:, or required: true, "
        f"or write ${{{placeholder.name}:-...}} here"
    )
