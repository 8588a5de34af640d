"""Options that every command understands, and how a command gets at them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from supervisor.places import run_directory

if TYPE_CHECKING:
    from supervisor.ctl.client import Client
    from supervisor.ctl.remote import Remote

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


def socket_path(given: str | None) -> Path | Remote:
    """``--socket``, else ``FX_SOCKET``, else where the daemon puts it by default.

    Raises BadEndpointError for an address that cannot be used.
    """
    named = given or os.environ.get("FX_SOCKET")
    if not named:
        return run_directory(None) / "web.sock"
    if not named.startswith(("https://", "http://")):
        return Path(named)
    from supervisor.ctl.remote import remote  # noqa: PLC0415 brings TLS, and few need it

    return remote(named, os.environ.get("FX_TOKEN_FILE"), os.environ.get("FX_CA_FILE"))


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
