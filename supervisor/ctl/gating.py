"""Commands about the node: what it is, and whether it takes new sessions."""
# ruff: noqa: PLC0415, PLR0913, PLR0917
# What is slow to import is imported by the command that needs it; arguments are command options.

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.options import Settings, call, settings_of
from supervisor.ctl.report import print_json, say

if TYPE_CHECKING:
    from supervisor.ctl.views import Json

Reason = Annotated[
    str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; users are told, too.")
]
_STAYS = "fxctl: the node stays cordoned: it takes no new sessions; fxctl undrain opens it."


def node(context: typer.Context) -> None:
    """Show this host: engine, capacity, load, draining."""
    from datetime import UTC, datetime

    from supervisor.ctl.node_lines import node_lines
    from supervisor.ctl.screen import console, show_wrapped

    settings = settings_of(context)
    found = call(settings, lambda client: client.node())
    if settings.json:
        print_json(found)
        return
    target = console(settings)
    for line in node_lines(found, datetime.now(UTC)):
        show_wrapped(target, line)


def cordon(context: typer.Context, reason: Reason = "") -> None:
    """Take no new sessions; running ones go on."""
    settings = settings_of(context)
    wish = _wish(reason)
    _tell(settings, call(settings, lambda client: client.order("cordon", wish)), "cordoned")


def undrain(context: typer.Context) -> None:
    """Take new sessions again, after cordon or drain."""
    settings = settings_of(context)
    wish = _wish("")
    _tell(settings, call(settings, lambda client: client.order("undrain", wish)), "open")


def drain(
    context: typer.Context,
    reason: Reason = "",
    timeout: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long to wait: 90, 30m, 2h (default: for ever)."),
    ] = None,
    terminate: Annotated[
        bool, typer.Option("--terminate", help="End sessions: after --timeout, else at once.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until none is left.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take no new sessions, and wait till none is left.

    Ctrl-C ends the waiting, not the cordon. The daemon may be restarted meanwhile.
    """
    from supervisor.ctl import draining
    from supervisor.ctl.client import Client

    settings = settings_of(context)
    timeout_seconds = None if timeout is None else options.seconds_of("--timeout", timeout)
    if timeout_seconds is not None and not wait:
        raise typer.BadParameter("--timeout is of no use with --no-wait")
    wish = _wish(reason)
    if terminate and not yes and sys.stdin.isatty():
        _confirm(settings)

    async def run(client: Client) -> Json:
        if not wait:
            return await client.order("drain", {**wish, "terminate": terminate})
        return await draining.drain(
            client, settings, wish, timeout_seconds=timeout_seconds, terminate=terminate
        )

    try:
        found = call(settings, run)
    except KeyboardInterrupt:
        say(_STAYS)
        raise typer.Exit(130) from None
    _tell(settings, found, "drained" if wait else "cordoned")


def _confirm(settings: Settings) -> None:
    from supervisor.ctl.roster import headcount

    sessions = call(settings, lambda client: client.sessions())
    live = [session for session in sessions if session.phase != "ended"]
    typer.confirm(f"End {headcount(live)}? Unsaved work may be lost", abort=True, err=True)


def _wish(reason: str) -> dict[str, object]:
    from supervisor.ctl.wishes import invoking_user

    return {"by": invoking_user(), **({"reason": reason} if reason else {})}


def _tell(settings: Settings, node: Json, state: str) -> None:
    from supervisor.ctl.text import plain

    if settings.json:
        print_json(node)
    else:
        typer.echo(f"{plain(str(node.get('host') or 'node'))} {state}")
