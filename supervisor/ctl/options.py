"""Options that every command understands, and how a command gets at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from supervisor.ctl.endpoint import socket_path

if TYPE_CHECKING:
    from supervisor.ctl.client import Client

T = TypeVar("T")
Act = Callable[["Client", str], Awaitable[None]]
"""Something done to the session that somebody named."""

_FLAGS = frozenset({"--json", "--no-color"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that stand before the command, or anywhere."""

    socket: str | None = None
    json: bool = False
    color: bool = True


def hoisted(arguments: Sequence[str]) -> list[str]:
    """Move options of the whole program in front of the command: people append them.

    What follows ``--`` is left alone; a value that looks like one can be tied on with ``=``.
    """
    words, tail = list(arguments), []
    if "--" in words:
        cut = words.index("--")
        words, tail = words[:cut], words[cut:]
    front: list[str] = []
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word in _FLAGS or word.startswith("--socket="):
            front.append(word)
        elif word in {"-o", "--output"} and words[:1] == ["json"]:
            # As kubectl has it.
            front.append("--json")
            del words[0]
        elif word == "--socket" and words:
            front += [word, words.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest, *tail]


def settings_of(context: typer.Context) -> Settings:
    """What the program's options were."""
    found = context.find_root().obj
    return found if isinstance(found, Settings) else Settings()


def call(settings: Settings, body: Callable[[Client], Awaitable[T]]) -> T:
    """Run ``body`` with a client of the daemon."""
    import asyncio  # noqa: PLC0415 slow, and not for --help

    from supervisor.ctl.client import Client  # noqa: PLC0415 likewise

    async def opened() -> T:
        async with Client(socket_path(settings.socket)) as client:
            return await body(client)

    return asyncio.run(opened())


def pairs_of(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE options as a mapping; what is none is wrong usage."""
    from supervisor.ctl.wishes import pairs  # noqa: PLC0415 not for --help

    try:
        return pairs(option, given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def seconds_of(option: str, given: str) -> int:
    """A length of time as typed; what is none is wrong usage."""
    from supervisor.ctl.wishes import seconds  # noqa: PLC0415 not for --help

    try:
        return seconds(option, given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _session_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from supervisor.ctl.completion import session_ids  # noqa: PLC0415 for the shell only

    return session_ids(context.find_root().params.get("socket"), incomplete)


def _template_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from supervisor.ctl.completion import template_names  # noqa: PLC0415 for the shell only

    return template_names(context.find_root().params.get("socket"), incomplete)


_ID_HELP = "A session's id, or so much of its end or beginning that no other has it."

SessionId = Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP, autocompletion=_session_ids)]
SessionIds = Annotated[
    list[str], typer.Argument(metavar="ID...", help=_ID_HELP, autocompletion=_session_ids)
]
SomeSessionIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID...]", help=_ID_HELP, autocompletion=_session_ids),
]
TemplateName = Annotated[
    str,
    typer.Option("--template", "-t", help="Launcher template.", autocompletion=_template_names),
]
OptionalTemplate = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="Show its params.", autocompletion=_template_names),
]
OfUser = Annotated[str | None, typer.Option("--user", "-u", help="Only this user's sessions.")]
ForUser = Annotated[
    str | None, typer.Option("--user", "-u", help="Whose session (default: who calls).")
]
Command = Annotated[
    str | None, typer.Option("--command", "-c", help="What to run (default: the template's).")
]
Geometry = Annotated[
    str | None, typer.Option("--geometry", "-g", help="Size of the display, as 1280x800.")
]
Name = Annotated[str | None, typer.Option("--name", "-n", help="What to call the session.")]
Dpi = Annotated[int | None, typer.Option("--dpi", help="Dots per inch of the display.")]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A template's param; repeatable."),
]
Extra = Annotated[
    list[str] | None,
    typer.Option("--extra", metavar="NAME=VALUE", help="What ${extra.NAME} is; repeatable."),
]
