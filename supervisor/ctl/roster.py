"""The sessions there are, kept up from the event stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from supervisor.ctl.sse import Event
from supervisor.ctl.text import plain
from supervisor.ctl.views import Json, SessionView, session_view

_NAMED_USERS = 5


class Roster:
    """Takes events; while a complete list comes anew, the one before is what there is."""

    def __init__(self) -> None:
        self.node: Json = {}
        self.is_known = False
        """Whether a complete list has come yet."""
        self._sessions: dict[str, SessionView] = {}
        self._coming: dict[str, SessionView] | None = None

    def take(self, event: Event) -> None:
        """Note what the event says. Raises MalformedAnswerError."""
        target = self._sessions if self._coming is None else self._coming
        match event.kind:
            case "reset":
                self._coming = {}
            case "synced":
                self._sessions, self._coming = target, None
                self.is_known = True
            case "update":
                session = session_view(event.document)
                target[session.id] = session
            case "delete":
                target.pop(str(event.document.get("id", "")), None)
            case "node":
                self.node = event.document
            case _:
                pass

    def all(self) -> Sequence[SessionView]:
        """Newest first."""
        return sorted(self._sessions.values(), key=lambda session: session.id, reverse=True)

    def find(self, session_id: str) -> SessionView | None:
        """The session of this id."""
        known = self._sessions if self._coming is None else {**self._sessions, **self._coming}
        return known.get(session_id)

    def live(self) -> Sequence[SessionView]:
        """Those that have not ended."""
        return [session for session in self.all() if session.phase != "ended"]


def headcount(sessions: Sequence[SessionView]) -> str:
    """How many, and whose: ``3 sessions (alice 2, bob 1)``."""
    users = Counter(session.user for session in sessions).most_common()
    named = [f"{plain(user)} {count}" for user, count in users[:_NAMED_USERS]]
    if len(users) > _NAMED_USERS:
        named.append(f"{len(users) - _NAMED_USERS} more users")
    noun = f"{len(sessions)} session{'' if len(sessions) == 1 else 's'}"
    return f"{noun} ({', '.join(named)})" if named else noun
