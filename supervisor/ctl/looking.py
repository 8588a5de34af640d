"""Commands that look at sessions, and let others look."""
# ruff: noqa: PLC0415, PLR0913, PLR0917
# What is slow to import is imported by the command that needs it; arguments are command options.

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.errors import EXIT_OK
from supervisor.ctl.options import Settings, call, settings_of
from supervisor.ctl.report import print_json

if TYPE_CHECKING:
    from supervisor.ctl.client import Client


def ps(
    context: typer.Context,
    user: options.OfUser = None,
    phase: Annotated[
        str | None, typer.Option(metavar="PHASE", help="Only sessions in this phase.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Ended ones too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only ids, whole ones.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Keep it up to date, till Ctrl-C.")
    ] = False,
) -> None:
    """List sessions, newest first."""
    from datetime import UTC, datetime

    from supervisor.ctl.screen import console, show
    from supervisor.ctl.tables import session_table

    settings = settings_of(context)
    if watch:
        _watch(settings, user, phase, everything=everything, quiet=quiet)
        return
    sessions = call(settings, lambda client: client.sessions(user=user, phase=phase))
    if not (everything or phase):
        sessions = [session for session in sessions if session.phase != "ended"]
    if settings.json:
        print_json({"sessions": [dict(session.document) for session in sessions], "next": None})
        return
    if quiet:
        for session in sessions:
            typer.echo(session.id)
        return
    target = console(settings)
    for line in session_table(sessions, datetime.now(UTC), target.width):
        show(target, line)


def _watch(
    settings: Settings, user: str | None, phase: str | None, *, everything: bool, quiet: bool
) -> None:
    from datetime import datetime

    from rich.text import Text

    from supervisor.ctl import live
    from supervisor.ctl.roster import Roster
    from supervisor.ctl.tables import session_table
    from supervisor.ctl.views import SessionView

    def wanted(session: SessionView) -> bool:
        if phase is not None:
            return session.phase == phase
        return everything or session.phase != "ended"

    def render(roster: Roster, now: datetime, width: int) -> list[Text]:
        return session_table(list(filter(wanted, roster.all())), now, width)

    async def run(client: Client) -> None:
        if sys.stdout.isatty() and not (quiet or settings.json):
            await live.show_table(client, settings, user, render)
        await live.print_lines(client, settings, user, wanted, only_ids=quiet)

    _until_interrupted(settings, run)


def top(
    context: typer.Context,
    user: options.OfUser = None,
    sort: Annotated[
        str, typer.Option(metavar="cpu|memory", help="Who uses most of it comes first.")
    ] = "cpu",
    users: Annotated[bool, typer.Option("--users", help="Add up what each user has.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Print it and end (default: in a pipe).")
    ] = False,
) -> None:
    """Show who uses how much, till Ctrl-C.

    CPU is in percent of one core, on average since the agent's last report but one: 15 to 60
    seconds.
    """
    from datetime import UTC, datetime

    from rich.text import Text

    from supervisor.ctl import live, usage
    from supervisor.ctl.roster import Roster
    from supervisor.ctl.screen import console
    from supervisor.ctl.screen import show as print_line

    if sort not in {"cpu", "memory"}:
        raise typer.BadParameter("--sort takes cpu or memory")
    key: usage.SortKey = "cpu" if sort == "cpu" else "memory"
    settings = settings_of(context)

    def render(roster: Roster, now: datetime, width: int) -> list[Text]:
        return usage.usage_lines(roster.live(), now, width, sort=key, users=users)

    if sys.stdout.isatty() and not (once or settings.json):
        _until_interrupted(settings, lambda client: live.show_table(client, settings, user, render))
        return
    sessions = call(settings, lambda client: client.sessions(user=user))
    alive, now = [each for each in sessions if each.phase != "ended"], datetime.now(UTC)
    if settings.json:
        listed = usage.ordered(alive, now, key)
        print_json({"sessions": [usage.usage_object(each, now) for each in listed]})
        return
    target = console(settings)
    for line in usage.usage_lines(alive, now, target.width, sort=key, users=users):
        print_line(target, line)


def _until_interrupted(settings: Settings, body: Callable[[Client], Awaitable[None]]) -> None:
    """There is no other way to end it: Ctrl-C is no failure."""
    try:
        call(settings, body)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_OK) from None


def show(context: typer.Context, session_id: options.SessionId) -> None:
    """Show all about a session, what went wrong first."""
    from datetime import UTC, datetime

    from supervisor.ctl import watching
    from supervisor.ctl.screen import console, show_wrapped
    from supervisor.ctl.tables import session_lines

    settings = settings_of(context)
    found = call(settings, lambda client: watching.described(client, session_id))
    if settings.json:
        print_json(found.session.document)
        return
    target = console(settings)
    for line in session_lines(found.session, datetime.now(UTC), found.declared, found.viewers):
        show_wrapped(target, line)


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
    _until_interrupted(settings, lambda client: watching.events(client, settings, user, since))


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
