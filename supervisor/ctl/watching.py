"""Commands' asynchronous halves: starting, ending and following sessions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from supervisor.ctl.client import Client
from supervisor.ctl.errors import ProblemError, SessionFailedError
from supervisor.ctl.follow import changes, watch
from supervisor.ctl.ids import resolve
from supervisor.ctl.options import Settings
from supervisor.ctl.report import print_json, say
from supervisor.ctl.screen import Progress, console, show
from supervisor.ctl.sse import Event
from supervisor.ctl.tables import SHOWN_EVENTS, event_line, node_state
from supervisor.ctl.text import plain, plain_lines
from supervisor.ctl.views import ParamView, SessionView, ViewerView
from supervisor.ctl.wishes import typed_params

LOG_LINES = 20
_UP = frozenset({"running", "suspended"})


async def start(
    client: Client,
    wish: Mapping[str, Any],
    texts: Mapping[str, str],
    idempotency_key: str | None,
) -> SessionView:
    """Start a session; ``texts`` are params as typed, which the template gives their types."""
    if not texts:
        return await client.start(wish, idempotency_key)
    template = await client.template(wish["template"])
    params = typed_params(texts, template.params)
    return await client.start({**wish, "params": params}, idempotency_key)


async def change(
    client: Client, typed: str, name: str | None, texts: Mapping[str, str]
) -> SessionView:
    """Rename a session, and change params as typed."""
    session = await client.session(await resolve(client, typed))
    wish: dict[str, Any] = {} if name is None else {"name": name}
    if texts:
        template = await client.template(session.template)
        wish["params"] = typed_params(texts, template.params)
    return await client.change(session.id, wish)


@dataclass(frozen=True, slots=True)
class Described:
    """A session and what else there is to know about it."""

    session: SessionView
    declared: Sequence[ParamView] = ()
    """By its template; nothing when that is gone or faulty."""
    viewers: Sequence[ViewerView] = ()


async def described(client: Client, typed: str) -> Described:
    """All about a session. Raises NoSuchSessionError, ProblemError."""
    found = Described(await client.session(await resolve(client, typed)))
    with suppress(ProblemError):
        found = replace(found, declared=(await client.template(found.session.template)).params)
    if found.session.control_viewers + found.session.view_viewers:
        # The session may be over by now.
        with suppress(ProblemError):
            found = replace(found, viewers=await client.viewers(found.session.id))
    return found


async def until_up(client: Client, session: SessionView, settings: Settings) -> SessionView:
    """Follow a start. Raises SessionFailedError with reason, message and the log's last lines."""
    with Progress(settings, silent=settings.json) as progress:

        def tell(seen: SessionView) -> None:
            if seen.phase != "ended":
                progress.say(_sentence(seen))

        final = await watch(client, session, lambda seen: seen.phase in _UP, tell)
        if final.phase == "ended":
            if settings.json:
                print_json(final.document)
            # Raised in here, so that the last sentence of the progress does not stay.
            raise SessionFailedError(_obituary(final, await client.log(final.id, LOG_LINES)))
    return final


def _obituary(session: SessionView, log: str) -> str:
    story = f"Session {session.id} ended: {plain(session.reason) or 'for no known reason'}."
    if session.message:
        story += f"\n{plain(session.message)}"
    if log.strip():
        indented = "".join(f"\n  {line}" for line in plain_lines(log).rstrip("\n").split("\n"))
        story += f"\nThe last lines of its log:{indented}"
    return story


async def terminate(client: Client, typed: str, settings: Settings, *, wait: bool) -> SessionView:
    """Ask a session to end, and wait for it if that is wanted."""
    session = await client.terminate(await resolve(client, typed))
    if not wait:
        return session
    with Progress(settings, silent=settings.json) as progress:
        return await watch(
            client, session, lambda _seen: False, lambda seen: progress.say(_sentence(seen))
        )


async def events(client: Client, settings: Settings, user: str | None, since: int | None) -> None:
    """Print the present state, set apart; then one line per change, for ever."""
    users: dict[str, str] = {}
    listing = False
    state = ""
    target = console(settings)
    stream = changes(client, user=user, since=since, notice=_note)
    async with aclosing(stream):
        async for event in stream:
            if settings.json:
                _print_json(event)
                continue
            listing = event.kind == "reset" or (listing and event.kind != "synced")
            session_id = str(event.document.get("id", ""))
            if event.kind == "update":
                users[session_id] = str(event.document.get("user", ""))
            if event.kind == "node":
                repeated, state = state, node_state(event.document)
                if state == repeated:
                    continue
            if event.kind in SHOWN_EVENTS:
                known = users.get(session_id, "")
                line = event_line(event, known, datetime.now(UTC), listing=listing)
                line.truncate(target.width, overflow="ellipsis")
                show(target, line)
            if event.kind == "delete":
                users.pop(session_id, None)


async def named(client: Client, typed: Sequence[str]) -> str:
    """Which sessions those are, for a question. Raises NoSuchSessionError, ProblemError."""
    found = [await client.session(await resolve(client, text)) for text in typed]
    return ", ".join(f"{s.short_id} ({plain(s.user)}, {plain(s.phase)})" for s in found)


def _print_json(event: Event) -> None:
    line = {"seq": event.seq, "event": event.kind, "data": event.document}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _note(sentence: str) -> None:
    say(f"fxctl: {sentence}")


def _sentence(session: SessionView) -> Text:
    line = Text.assemble((session.short_id, "bold"), " ")
    match session.phase:
        case "pending" if session.queue_position is not None:
            line.append(f"is waiting for its turn, number {session.queue_position} in the queue")
        case "pending":
            line.append("is waiting for its turn")
        case "starting" if session.progress is not None:
            line.append(f"is starting: {session.progress:.0%} of the image pulled")
        case "unknown":
            line.append("cannot be seen: the engine does not answer at the moment")
        case "terminating":
            line.append("is ending")
        case "ended":
            line.append("has ended")
        case phase:
            line.append(f"is {plain(phase)}")
    if session.message:
        line.append(f" ({plain(session.message)})")
    return line
