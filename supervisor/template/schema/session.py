"""``session``: how long a session may last and what its viewers may do."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from supervisor.lifecycle.session import ClipboardPolicy, EndRule, SuspendMode
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


def _supported(rule: EndRule) -> EndRule:
    """A rule that would silently not be kept is refused."""
    if rule is EndRule.WINDOWS:
        msg = "windows is not supported yet: write command, the session ends with its command"
        raise ValueError(msg)
    return rule


Limit = Annotated[
    float | None,
    BeforeValidator(_limit),
    WithJsonSchema({"anyOf": [AS_DURATION.json_schema, {"enum": ["none", None]}]}),
]


class SessionSection(Section):
    """Durations; ``none`` is no limit."""

    startup_timeout: Annotated[Seconds, Field(gt=0)] = 60.0
    stop_grace_period: Seconds | None = None
    idle_timeout: Limit = None
    disconnect_timeout: Limit = None
    lifetime: Limit = None
    lifetime_warning: Seconds = 300.0
    suspend: SuspendMode = SuspendMode.DISCONNECT
    suspend_timeout: Limit = None
    clipboard: ClipboardPolicy = ClipboardPolicy.BOTH
    end: Annotated[EndRule, AfterValidator(_supported)] = EndRule.COMMAND
