"""The displays that are open through the portal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.display.labels import Label


@dataclass(eq=False, slots=True)
class LiveDisplay:
    """One that is being carried."""

    session_id: str
    label: Label
    carried_bytes: Callable[[], int]
    """From the browser, so far."""
    seen_bytes: int = 0
    dismissed: asyncio.Future[int] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class LiveDisplays:
    """All of them."""

    def __init__(self) -> None:
        self._displays: set[LiveDisplay] = set()

    def add(self, display: LiveDisplay) -> None:
        """It is open."""
        self._displays.add(display)

    def remove(self, display: LiveDisplay) -> None:
        """It is closed."""
        self._displays.discard(display)
        display.gone.set()

    def dismiss(self, concerns: Callable[[Label], bool], code: int) -> None:
        """Close those whose label ``concerns``, with this code."""
        for display in self._displays:
            if concerns(display.label) and not display.dismissed.done():
                display.dismissed.set_result(code)

    def used_sign_ins(self) -> set[str]:
        """Ids of sign-ins whose displays were used since this was asked last."""
        used = set()
        for display in self._displays:
            carried = display.carried_bytes()
            if carried != display.seen_bytes and display.label.sign_in is not None:
                used.add(display.label.sign_in)
            display.seen_bytes = carried
        return used

    async def dismiss_all(self, code: int, deadline_seconds: float) -> None:
        """Close all and wait until they are, or the deadline is over."""
        displays = list(self._displays)
        self.dismiss(lambda _label: True, code)
        waiting = [asyncio.ensure_future(each.gone.wait()) for each in displays]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=deadline_seconds)
            for each in late:
                each.cancel()
