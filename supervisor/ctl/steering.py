"""Commands that start and end sessions."""
# ruff: noqa: PLC0415, PLR0913, PLR0917
# What is slow to import is imported by the command that needs it; arguments are command options.

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.options import Settings, call, settings_of
from supervisor.ctl.report import complain, print_json, say
from supervisor.lifecycle.errors import SupervisorError

if TYPE_CHECKING:
    from supervisor.ctl.views import SessionView


def start(
    context: typer.Context,
    user: options.ForUser = None,
    template: options.TemplateName = "docker",
    command: options.Command = None,
    geometry: options.Geometry = None,
    name: options.Name = None,
    dpi: options.Dpi = None,
    param: options.Params = None,
    extra: options.Extra = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait/--no-wait", help="Until it runs (default: on a terminal)."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The same key again gives the same session."),
    ] = None,
) -> None:
    """Start a session; its id goes to stdout."""
    from supervisor.ctl import watching
    from supervisor.ctl.client import Client
    from supervisor.ctl.wishes import invoking_user

    settings = settings_of(context)
    asked = {
        "user": user or invoking_user(),
        "template": template,
        "command": command,
        "geometry": geometry,
        "name": name,
        "dpi": dpi,
        "extra": options.pairs_of("--extra", extra) or None,
    }
    wish = {key: value for key, value in asked.items() if value is not None}
    texts = options.pairs_of("--param", param)
    started: list[SessionView] = []

    async def run(client: Client) -> SessionView:
        started.append(await watching.start(client, wish, texts, idempotency_key))
        if not settings.json:
            typer.echo(started[0].id)
        if wait if wait is not None else sys.stdout.isatty():
            return await watching.until_up(client, started[0], settings)
        return started[0]

    try:
        session = call(settings, run)
    except KeyboardInterrupt:
        if started:
            rest = f"fxctl terminate {started[0].short_id} ends it"
            say(f"fxctl: the session starts all the same; {rest}.")
        raise typer.Exit(130) from None
    if settings.json:
        print_json(session.document)


def change(
    context: typer.Context,
    session_id: options.SessionId,
    name: options.Name = None,
    param: options.Params = None,
) -> None:
    """Rename a session, or change params that may be changed."""
    from supervisor.ctl import watching

    settings = settings_of(context)
    texts = options.pairs_of("--param", param)
    if name is None and not texts:
        raise typer.BadParameter("nothing to change: give --name or --param")
    session = call(settings, lambda client: watching.change(client, session_id, name, texts))
    _tell(settings, session)


def suspend(context: typer.Context, session_ids: options.SessionIds) -> None:
    """Put sessions aside; their viewers are put out."""
    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve

    async def put_aside(client: Client, typed: str) -> None:
        _tell(settings_of(context), await client.suspend(await resolve(client, typed)))

    _for_each(context, session_ids, put_aside)


def resume(context: typer.Context, session_ids: options.SessionIds) -> None:
    """Take suspended sessions up again, as connecting to them does."""
    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve

    async def take_up(client: Client, typed: str) -> None:
        _tell(settings_of(context), await client.resume(await resolve(client, typed)))

    _for_each(context, session_ids, take_up)


def terminate(
    context: typer.Context,
    session_ids: options.SomeSessionIds = None,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="All sessions of this user.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sessions there are.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until they have ended.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Ask sessions to end.

    With --user or --all it asks first, on a terminal.
    """
    from supervisor.ctl import watching
    from supervisor.ctl.client import Client

    settings = settings_of(context)
    if bool(session_ids) + (user is not None) + everything != 1:
        raise typer.BadParameter("give ids, or --user, or --all")
    if not session_ids:
        session_ids = _chosen(settings, user, yes=yes)

    async def end(client: Client, typed: str) -> None:
        session = await watching.terminate(client, typed, settings, wait=wait)
        _tell(settings, session)
        if session.phase == "unknown" and not settings.json:
            kept = "the order is kept, and carried out once it does"
            say(f"fxctl: the engine does not answer at the moment; {kept}.")

    _for_each(context, session_ids, end)


def _chosen(settings: Settings, user: str | None, *, yes: bool) -> list[str]:
    """Ids of all sessions that have not ended, of one user or of all; asked about on a terminal."""
    from supervisor.ctl.roster import headcount

    sessions = call(settings, lambda client: client.sessions(user=user))
    live = [session for session in sessions if session.phase != "ended"]
    if not live:
        say("fxctl: there is no session to end")
    elif not yes and sys.stdin.isatty():
        typer.confirm(f"End {headcount(live)}?", abort=True, err=True)
    return [session.id for session in live]


def purge(
    context: typer.Context,
    session_ids: options.SessionIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Force containers away, and forget their sessions.

    Unsaved work is lost. Asks first, on a terminal.
    """
    from supervisor.ctl import watching
    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve

    settings = settings_of(context)
    if not yes and sys.stdin.isatty():
        listed = call(settings, lambda client: watching.named(client, session_ids))
        typer.confirm(f"Purge {listed}? Unsaved work is lost", abort=True, err=True)

    async def forget(client: Client, typed: str) -> None:
        session_id = await resolve(client, typed)
        await client.purge(session_id)
        if settings.json:
            print_json({"id": session_id}, indent=None)
        else:
            typer.echo(f"{session_id} purged")

    _for_each(context, session_ids, forget)


def _tell(settings: Settings, session: SessionView) -> None:
    if settings.json:
        print_json(session.document, indent=None)
    else:
        typer.echo(f"{session.id} {session.phase}")


def _for_each(context: typer.Context, session_ids: Sequence[str], act: options.Act) -> None:
    """Do it to each, whatever becomes of the others; the first failure decides the exit code."""
    from supervisor.ctl.client import Client
    from supervisor.ctl.errors import UnreachableError

    settings = settings_of(context)
    codes: list[int] = []

    async def run(client: Client) -> None:
        for typed in session_ids:
            try:
                await act(client, typed)
            except UnreachableError:
                raise
            except SupervisorError as error:
                codes.append(complain(error, as_json=settings.json))

    call(settings, run)
    if codes:
        raise typer.Exit(codes[0])
