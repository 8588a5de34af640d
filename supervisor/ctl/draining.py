"""Emptying the node: told to take nothing new, then waited for until nothing is left."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from rich.text import Text

from supervisor.ctl.client import Client
from supervisor.ctl.errors import NotDrainedError
from supervisor.ctl.follow import changes
from supervisor.ctl.options import Settings
from supervisor.ctl.report import say
from supervisor.ctl.roster import Roster, headcount
from supervisor.ctl.screen import Progress
from supervisor.ctl.text import span
from supervisor.ctl.views import Json


async def drain(
    client: Client,
    settings: Settings,
    wish: Json,
    *,
    timeout_seconds: int | None,
    terminate: bool,
) -> Json:
    """The node once no session is left.

    ``terminate`` ends those left after the timeout, or at once. Raises NotDrainedError.
    """
    at_once = terminate and timeout_seconds is None
    await client.order("drain", {**wish, "terminate": at_once})
    roster = Roster()
    with Progress(settings, silent=settings.json) as progress:
        try:
            async with asyncio.timeout(timeout_seconds):
                await _until_empty(client, roster, progress)
        except TimeoutError:
            left = headcount(roster.live())
            if not terminate:
                raise NotDrainedError(
                    f"After {span(timeout_seconds or 0)} there are still {left}. The node stays "
                    "cordoned; fxctl drain --terminate ends them, fxctl undrain opens it."
                ) from None
            progress.say(Text(f"Ending {left}"))
            await client.order("drain", {**wish, "terminate": True})
            await _until_empty(client, roster, progress)
    return await client.node()


async def _until_empty(client: Client, roster: Roster, progress: Progress) -> None:
    """Across restarts of the daemon, which a drain is often there for."""
    stream = changes(client, notice=lambda sentence: say(f"fxctl: {sentence}"))
    async with aclosing(stream):
        async for event in stream:
            roster.take(event)
            if event.kind == "node" and event.document.get("draining") is False:
                raise NotDrainedError(
                    "The node was opened again meanwhile; it is not waited for any more."
                )
            if not roster.is_known:
                continue
            left = roster.live()
            if not left:
                return
            progress.say(Text(f"Waiting for {headcount(left)}"))
