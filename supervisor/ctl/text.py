"""Values as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from supervisor.plain import plain, plain_lines

_UNITS = ("B", "K", "M", "G", "T")
# Above these, rounding would give a fourth digit, or a second one before the point.
_FOUR_DIGITS = 999.5
_TWO_DIGITS = 9.95
_AGES = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_LONG_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time; ``None`` for none and for what is not one."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def age(since: datetime | None, now: datetime) -> str:
    """How long ago in one unit: ``5m``; a clock that runs behind gives ``0s``."""
    seconds = _seconds_since(since, now)
    if seconds is None:
        return "-"
    count, unit = _in_unit(seconds, _AGES)
    return f"{count}{unit}"


def span(seconds: int) -> str:
    """A length of time exactly, in as few units as that takes: ``8h``, ``1h30m``."""
    parts, rest = "", max(0, seconds)
    for length, unit in _AGES:
        count, rest = divmod(rest, length)
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def when(at: datetime | None, now: datetime) -> str:
    """Local time and how long ago: ``2026-03-01 14:05:11 (5 minutes ago)``; or ``(in 1 hour)``."""
    if at is None:
        return "-"
    to_come = at > now
    count, unit = _in_unit(abs(int((now - at).total_seconds())), _LONG_AGES)
    span = f"{count} {unit}{'' if count == 1 else 's'}"
    relative = f"in {span}" if to_come else f"{span} ago"
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S} ({relative})"


def size(count_bytes: int) -> str:
    """Bytes in the unit that leaves at most four characters: ``1.2G``."""
    value = float(count_bytes)
    for unit in _UNITS[:-1]:
        if value < _FOUR_DIGITS:
            return _number(value, unit)
        value /= 1024
    return _number(value, _UNITS[-1])


def _number(value: float, unit: str) -> str:
    return f"{value:.1f}{unit}" if value < _TWO_DIGITS and unit != "B" else f"{value:.0f}{unit}"


def _seconds_since(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, int((now - since).total_seconds()))


def _in_unit(seconds: int, units: tuple[tuple[int, str], ...]) -> tuple[int, str]:
    """In the largest unit that gives at least one."""
    for length, unit in units:
        if seconds >= length:
            return seconds // length, unit
    return 0, units[-1][1]


__all__ = ["age", "moment", "plain", "plain_lines", "size", "span", "when"]
