"""Commands that look at sessions, and let others look."""
# ruff: noqa: PLC0415, PLR0913, PLR0917
# What is slow to import is imported by the command that needs it; arguments are command options.

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.errors import EXIT_OK
from supervisor.ctl.options import call, settings_of
from supervisor.ctl.report import print_json


def ps(
    context: typer.Context,
    user: options.OfUser = None,
    phase: Annotated[
        str | None, typer.Option(metavar="PHASE", help="Only sessions in this phase.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Ended ones too.")] = False,
) -> None:
    """List sessions, newest first."""
    from datetime import UTC, datetime

    from supervisor.ctl.screen import console, show
    from supervisor.ctl.tables import session_table

    settings = settings_of(context)
    sessions = call(settings, lambda client: client.sessions(user=user, phase=phase))
    if not (everything or phase):
        sessions = [session for session in sessions if session.phase != "ended"]
    if settings.json:
        print_json({"sessions": [dict(session.document) for session in sessions], "next": None})
        return
    target = console(settings)
    for line in session_table(sessions, datetime.now(UTC), target.width):
        show(target, line)


def show(context: typer.Context, session_id: options.SessionId) -> None:
    """Show all about a session, what went wrong first."""
    from datetime import UTC, datetime

    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve
    from supervisor.ctl.screen import console
    from supervisor.ctl.tables import session_lines
    from supervisor.ctl.views import SessionView

    async def find(client: Client) -> SessionView:
        return await client.session(await resolve(client, session_id))

    settings = settings_of(context)
    session = call(settings, find)
    if settings.json:
        print_json(session.document)
        return
    target = console(settings)
    for line in session_lines(session, datetime.now(UTC)):
        target.print(line)


def events(
    context: typer.Context,
    user: options.OfUser = None,
    since: Annotated[
        int | None, typer.Option(metavar="SEQ", min=0, help="What came after this event.")
    ] = None,
) -> None:
    """Follow the sessions: a line for every change.

    First the present state; with --since what came after that event. Ctrl-C ends it, with 0.
    """
    from supervisor.ctl import watching

    settings = settings_of(context)
    try:
        call(settings, lambda client: watching.events(client, settings, user, since))
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_OK) from None


def ticket(
    context: typer.Context,
    session_id: options.SessionId,
    view: Annotated[bool, typer.Option("--view", help="To watch only.")] = False,
    guest: Annotated[str | None, typer.Option(help="What to call the viewer.")] = None,
    ttl: Annotated[
        str, typer.Option(metavar="DURATION", help="How long it admits: 90, 30m, 1h.")
    ] = "30s",
    uses: Annotated[int, typer.Option(help="How often it admits.")] = 1,
) -> None:
    """Admit a viewer: print a display's path with a ticket."""
    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve
    from supervisor.ctl.views import Json

    wish: dict[str, str | int] = {"mode": "view" if view else "control"}
    wish |= {
        "ttl_seconds": options.seconds_of("--ttl", ttl),
        "uses": uses,
        **({"guest": guest} if guest else {}),
    }

    async def issue(client: Client) -> Json:
        return await client.ticket(await resolve(client, session_id), wish)

    settings = settings_of(context)
    issued = call(settings, issue)
    if settings.json:
        print_json(issued)
    else:
        typer.echo(issued.get("path", ""))
