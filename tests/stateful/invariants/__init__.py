"""What always holds, in one place: the sentences of docs/architecture.md as assertions.

``EVENTS`` are asked of each thing that happened, with the world as it was at that moment;
``ALWAYS`` of the world after each step; ``WHEN_QUIET`` when nothing is under way; ``AT_REST`` once
everything was healed and given time; ``WHEN_OVER`` after every session was told to end.
"""

from tests.stateful.invariants.of_each_step import ALWAYS, WHEN_QUIET
from tests.stateful.invariants.of_events import EVENTS
from tests.stateful.invariants.of_rest import AT_REST, WHEN_OVER

__all__ = ["ALWAYS", "AT_REST", "EVENTS", "WHEN_OVER", "WHEN_QUIET"]
