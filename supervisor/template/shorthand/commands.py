"""``command``, ``entrypoint`` and ``healthcheck.test``: a command line, or arguments one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.template.shell import misplaced
from supervisor.template.text import UNREADABLE, ShellLine, Text

if TYPE_CHECKING:
    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc


def command_line(document: Document, value: Tree, loc: Loc) -> Tree:
    """Text as ``{"shell": ...}``, a list as ``{"argv": ...}``."""
    match value:
        case list():
            for index, item in enumerate(value):
                document.place((*loc, "argv", index), (*loc, index))
                if not isinstance(item, (str, Text)):
                    document.blame((*loc, index), "must be text: put it in quotes")
            kept: list[Tree] = [
                item if isinstance(item, (str, Text)) else UNREADABLE for item in value
            ]
            return {"argv": kept}
        case str() | Text():
            return {"shell": _shell_line(document, value, loc)}
        case _:
            document.blame(loc, "must be a command line, or a list of its arguments")
            return {"shell": ""}


def healthcheck(document: Document, value: Tree, loc: Loc) -> Tree:
    """Write out ``test``, whose list form begins with NONE, CMD or CMD-SHELL."""
    if not isinstance(value, dict) or "test" not in value:
        return value
    here = (*loc, "test")
    match value["test"]:
        case ["NONE"]:
            return {key: item for key, item in value.items() if key != "test"} | {"disable": True}
        case ["CMD-SHELL", (str() | Text()) as line]:
            test: Tree = {"shell": _shell_line(document, line, (*here, 1))}
        case ["CMD", *arguments]:
            test = command_line(document, list(arguments), here)
        case str() | Text() as line:
            test = {"shell": _shell_line(document, line, here)}
        case _:
            document.blame(here, 'must be a command line, or ["CMD", ...], ["CMD-SHELL", line]')
            test = None
    return value | {"test": test}


def _shell_line(document: Document, line: str | Text, loc: Loc) -> Tree:
    if isinstance(line, str):
        return line
    for placeholder, context in misplaced(line):
        document.blame(loc, f"${{{placeholder.name}}} stands {context.value}", placeholder.mark)
    return ShellLine(line)
