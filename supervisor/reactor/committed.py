"""What follows each commit, in this order and without an await in between."""

from __future__ import annotations

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Session
from supervisor.lifecycle.transitions import Decision
from supervisor.reactor.admission import Admission
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.ceiling import Ceiling
from supervisor.reactor.input_notes import InputNotes
from supervisor.reactor.lane import Lanes
from supervisor.reactor.timers import Timers


class Committed:
    """Tells readers, timers, admission and lanes of a committed decision."""

    def __init__(  # noqa: PLR0913 who is told, all by name
        self,
        *,
        broadcast: Broadcast,
        timers: Timers,
        admission: Admission,
        ceiling: Ceiling,
        input_notes: InputNotes,
        lanes: Lanes,
    ) -> None:
        self._broadcast = broadcast
        self._timers = timers
        self._admission = admission
        self._ceiling = ceiling
        self._input_notes = input_notes
        self._lanes = lanes

    def resume(self, session: Session) -> None:
        """Take up a session from the store: its deadlines, its place in the queue, its policy."""
        self._timers.watch(session)
        self._admission.observe(session)
        self._ceiling.observe(session)

    def committed(self, decision: Decision, item: FeedItem | None) -> None:
        """See worker.Observer."""
        session = decision.session
        if item is not None:
            self._broadcast.publish(item)
            if item.kind is EventKind.DELETE:
                self._timers.forget(session.id)
                self._admission.forget(session.id)
            else:
                self._timers.watch(session)
                self._admission.observe(session)
                self._ceiling.observe(session)
            if session.phase is Phase.ENDED:
                self._input_notes.forget(session.id)
        self._lanes.add(session.id, decision.effects)
