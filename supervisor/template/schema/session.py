"""``session``: how long a session may last and what its viewers may do."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from supervisor.lifecycle.session import ClipboardPolicy, EndRule, SuspendMode, WindowManager
from supervisor.template.quantities import parse_duration
from supervisor.template.schema.values import AS_DURATION, Seconds, Section


def _limit(value: object) -> float | None:
    if value is None or value == "none":
        return None
    seconds = parse_duration(value)
    if seconds == 0:
        msg = 'must be longer than nothing; for no limit write "none"'
        raise ValueError(msg)
    return seconds


Limit = Annotated[
    float | None,
    BeforeValidator(_limit),
    WithJsonSchema({"anyOf": [AS_DURATION.json_schema, {"enum": ["none", None]}]}),
]


class SessionSection(Section):
    """Durations; ``none`` is no limit."""

    startup_timeout: Annotated[Seconds, Field(gt=0)] = 60.0
    """From the start to a display that can be connected; a pull that moves begins it anew."""
    stop_grace_period: Seconds | None = None
    """From the request to end until the container is killed; 10 s."""
    idle_timeout: Limit = None
    """Ends the session after so long without input."""
    disconnect_timeout: Limit = None
    """Ends it after so long without a viewer."""
    lifetime: Limit = None
    """Ends it so long after it began."""
    lifetime_warning: Seconds = 300.0
    """Warns so long before that; at half-time at the earliest."""
    suspend: SuspendMode = SuspendMode.DISCONNECT
    """``disconnect``: viewers out, programs run on; ``freeze``: programs stand still as well."""
    suspend_timeout: Limit = None
    """Suspends it after so long without a viewer; whoever connects resumes it."""
    clipboard: ClipboardPolicy = ClipboardPolicy.BOTH
    """Which way text may be copied: ``in`` is to the session."""
    end: EndRule = EndRule.COMMAND
    """When it is over: when the ``command`` ends, or when the last of its ``windows`` is closed."""
    window_manager: WindowManager = WindowManager.AUTO
    """``auto``: windows get title bars unless the command brings a window manager; or ``none``."""
