"""What the programs of a session are told of its pointer: xev at the root window says it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.test_exec import execute
from tests.support.eventually import eventually
from tests.support.web_server import WebServer

_KEPT = "/tmp/pointer"
_WATCH = ["sh", "-c", f"exec xev -root -event button > {_KEPT}"]
_EVENT = re.compile(
    r"^Button(Press|Release) event.*?root:\((-?\d+),(-?\d+)\),\s+state \S+, button (\d+)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A button that went down or up, at a pixel of the session's screen."""

    down: bool
    x: int
    y: int
    button: int


class Pointer:
    """Of one session."""

    def __init__(self, web: WebServer, session_id: str) -> None:
        self._web = web
        self._session_id = session_id

    async def watch(self) -> None:
        """Take note from now on of what happens where no window is."""
        await execute(self._web, self._session_id, _WATCH, wait=False)

        async def watched() -> bool:
            return "ButtonPress" in await self._told("xwininfo", "-root", "-events")

        await eventually(watched, "the root window is watched", within=20)

    async def until(self, holds: Callable[[list[Turn]], object], what: str) -> list[Turn]:
        """Wait until what has happened is as wanted; all of it, in order."""
        turns: list[Turn] = []

        async def happened() -> object:
            turns[:] = _turns(await self._told("cat", _KEPT))
            return holds(turns)

        await eventually(happened, what, within=20)
        return turns

    async def _told(self, *command: str) -> str:
        answer = await execute(self._web, self._session_id, list(command))
        output: str = answer.body["output"]
        return output


def _turns(told: str) -> list[Turn]:
    return [
        Turn(down=way == "Press", x=int(x), y=int(y), button=int(button))
        for way, x, y, button in _EVENT.findall(told)
    ]
