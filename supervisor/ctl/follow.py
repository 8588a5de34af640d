"""The event stream across lost connections, and one session in it till something is reached."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from supervisor.ctl.client import Client
from supervisor.ctl.errors import SessionFailedError, UnreachableError
from supervisor.ctl.sse import OPEN, Event
from supervisor.ctl.views import SessionView, session_view

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
"""How long a daemon may be away (a restart) before waiting for a session is given up."""

Notice = Callable[[str], None]


def _silent(_sentence: str) -> None:
    """Say nothing."""


async def changes(
    client: Client,
    *,
    user: str | None = None,
    since: int | None = None,
    patience_seconds: float | None = None,
    notice: Notice = _silent,
) -> AsyncGenerator[Event, None]:
    """Every event from now on (or after ``since``); never ends by itself.

    A snapshot is announced by a ``reset``, whether the daemon asked for it or not. The first
    connection must succeed; later ones are made again, for ever or for ``patience_seconds``.
    Raises UnreachableError, ProblemError.
    """
    clock = asyncio.get_running_loop().time
    last_id, connected = since, False
    pause = FIRST_PAUSE_SECONDS
    lost_at: float | None = None
    while True:
        try:
            if last_id is None:
                yield Event(None, "reset", {})
            async with aclosing(client.events(user, last_id)) as events:
                async for event in events:
                    if event.kind == OPEN:
                        connected, lost_at = True, None
                        continue
                    pause = FIRST_PAUSE_SECONDS
                    if event.kind == "reset" and last_id is not None:
                        notice(f"What came after event {last_id} is not kept; all there is:")
                    last_id = _position(event, last_id)
                    yield event
            notice("The daemon ended the event stream; connecting again.")
        except UnreachableError as error:
            first_failure = lost_at is None
            lost_at = clock() if lost_at is None else lost_at
            out_of_patience = patience_seconds is not None and clock() - lost_at > patience_seconds
            if not connected or out_of_patience:
                raise
            if first_failure:
                notice(f"The connection was lost; trying again. ({error})")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _position(event: Event, last_id: int | None) -> int | None:
    if event.kind == "reset":
        return None
    return last_id if event.seq is None else event.seq


async def watch(
    client: Client,
    session: SessionView,
    reached: Callable[[SessionView], bool],
    seen: Callable[[SessionView], None],
) -> SessionView:
    """The session once ``reached`` or ended; ``seen`` is called with every state before.

    Raises SessionFailedError when it is purged meanwhile.
    """
    seen(session)
    if reached(session) or session.phase == "ended":
        return session
    listed = False
    stream = changes(client, user=session.user, patience_seconds=PATIENCE_SECONDS)
    async with aclosing(stream):
        async for event in stream:
            match event.kind:
                case "reset":
                    listed = False
                case "update" if event.document.get("id") == session.id:
                    listed = True
                    current = session_view(event.document)
                    seen(current)
                    if reached(current) or current.phase == "ended":
                        return current
                case "delete" if event.document.get("id") == session.id:
                    break
                case "synced" if not listed:
                    break
                case _:
                    pass
    raise SessionFailedError(f"Session {session.id} was purged while it was waited for.")
