"""Tables kept up to date from the event stream; lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from supervisor.ctl.client import Client
from supervisor.ctl.follow import changes
from supervisor.ctl.options import Settings
from supervisor.ctl.report import print_json, say
from supervisor.ctl.roster import Roster
from supervisor.ctl.screen import console, show
from supervisor.ctl.tables import session_table
from supervisor.ctl.text import plain
from supervisor.ctl.views import SessionView

REFRESHES_PER_SECOND = 2.0
"""Ages go on, and a window takes another size, without anything having happened."""

Render = Callable[[Roster, datetime, int], Sequence[Text]]
Wanted = Callable[[SessionView], bool]


class _Window:
    """What is shown of a roster just now: as much as fits, and the connection's state below."""

    def __init__(self, target: Console, render: Render) -> None:
        self.roster = Roster()
        self._target = target
        self._render = render
        self._notice = ""

    def note(self, sentence: str) -> None:
        """Say it until the next event comes."""
        self._notice = sentence

    def lines(self) -> Group:
        """Drawn by rich's own thread; the roster is read at one moment."""
        width, height = self._target.size
        if not self.roster.is_known:
            return Group(Text(plain(self._notice) or "asking the daemon", style="dim"))
        lines = list(self._render(self.roster, datetime.now(UTC), width))
        hidden = len(lines) - (height - 2)
        if hidden > 0:
            lines = [*lines[: height - 2], Text(f"and {hidden} more", style="dim")]
        if self._notice:
            lines.append(Text(plain(self._notice), style="bold red"))
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Group(*lines)


async def show_table(client: Client, settings: Settings, user: str | None, render: Render) -> None:
    """Until interrupted; the daemon may come and go. Raises UnreachableError if it never was."""
    target = console(settings)
    window = _Window(target, render)
    with Live(
        console=target,
        screen=True,
        get_renderable=window.lines,
        refresh_per_second=REFRESHES_PER_SECOND,
    ):
        stream = changes(client, user=user, notice=window.note)
        async with aclosing(stream):
            async for event in stream:
                if event.kind != "reset":
                    window.note("")
                window.roster.take(event)


async def print_lines(
    client: Client, settings: Settings, user: str | None, wanted: Wanted, *, only_ids: bool
) -> None:
    """The sessions there are, then a line whenever one changes to the eye. Until interrupted.

    One that is not ``wanted`` any more is told of once. Objects in place of lines with --json.
    """
    printer = _Printer(settings, wanted, only_ids=only_ids)
    stream = changes(client, user=user, notice=lambda sentence: say(f"fxctl: {sentence}"))
    async with aclosing(stream):
        async for event in stream:
            was_known = printer.roster.is_known
            printer.roster.take(event)
            if event.kind == "synced" and not was_known:
                printer.begin()
            elif was_known and event.kind == "update":
                printer.update(str(event.document.get("id", "")))


class _Printer:
    def __init__(self, settings: Settings, wanted: Wanted, *, only_ids: bool) -> None:
        self.roster = Roster()
        self._settings = settings
        self._wanted = wanted
        self._only_ids = only_ids
        self._target = console(settings)
        self._told: dict[str, object] = {}

    def begin(self) -> None:
        """What there is."""
        listed = [session for session in self.roster.all() if self._wanted(session)]
        self._told = {session.id: _visible(session) for session in listed}
        if self._settings.json or self._only_ids:
            for session in listed:
                self._print(session)
            return
        for line in self._table(listed):
            show(self._target, line)

    def update(self, session_id: str) -> None:
        """What it has become."""
        session = self.roster.find(session_id)
        if session is None or not (self._wanted(session) or session_id in self._told):
            return
        if self._told.get(session_id) == _visible(session):
            return
        if not (self._only_ids and session_id in self._told):
            self._print(session)
        self._told[session_id] = _visible(session)

    def _print(self, session: SessionView) -> None:
        if self._only_ids:
            show(self._target, Text(session.id))
        elif self._settings.json:
            print_json(session.document, indent=None)
        else:
            # Among the others, so that columns stay where they are.
            others = [each for each in self.roster.all() if each.id in self._told]
            show(self._target, self._table([*others, session])[-1])
        self._target.file.flush()

    def _table(self, sessions: Sequence[SessionView]) -> Sequence[Text]:
        width = self._target.width
        return session_table(sessions, datetime.now(UTC), width, with_reason=True)


def _visible(session: SessionView) -> object:
    """What makes a line worth another one; age and memory do not."""
    viewers = (session.control_viewers, session.view_viewers)
    progress = (session.progress, session.queue_position)
    return (session.phase, session.name, session.reason, session.exit_code, viewers, progress)
