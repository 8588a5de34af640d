"""Amounts as administrators write them: ``2g``, ``1h30m``, ``1.5`` CPUs, ``1280x800``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

NANO = 1_000_000_000
MAX_BYTES = 2**63 - 1
_SIZE = re.compile(r"(\d{1,19}(?:\.\d{1,9})?) ?([kmgtp]?)(i?b)?", re.IGNORECASE | re.ASCII)
_SIZE_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(us|ms|s|m|h|d)")
_DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,9})?(?:us|ms|s|m|h|d))+")
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,9})?")
_UNIT_SECONDS = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_GEOMETRY = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
MAX_PIXELS = 16384


def parse_size(value: object) -> int:
    """Bytes of a Compose byte string (``512``, ``300k``, ``1.5g``, ``2GiB``); powers of 1024.

    Raises ValueError.
    """
    text = _plain_text(value)
    match = _SIZE.fullmatch(text) if text is not None else None
    if match is None:
        msg = f'must be a size such as "512m" or "2g", not {_shown(value)}'
        raise ValueError(msg)
    number = Decimal(match[1]) * 1024 ** _SIZE_POWER[match[2].lower()]
    if not match[2] and number != int(number):
        msg = f"must be a whole number of bytes, not {_shown(value)}"
        raise ValueError(msg)
    if number > MAX_BYTES:
        msg = f"{_shown(value)} is more than 2^63 - 1 bytes"
        raise ValueError(msg)
    return int(number)


def parse_duration(value: object) -> float:
    """Seconds of ``90``, ``90s``, ``1h30m``, ``1.5h``, ``250ms``, ``7d``. Raises ValueError."""
    text = _plain_text(value)
    if text is not None and _SECONDS.fullmatch(text):
        return float(text)
    if text is None or not _DURATION.fullmatch(text):
        msg = f'must be a duration such as "90s" or "1h30m", not {_shown(value)}'
        raise ValueError(msg)
    parts = _DURATION_PART.findall(text)
    return float(sum(Decimal(number) * _UNIT_SECONDS[unit] for number, unit in parts))


def size_text(count_bytes: float) -> str:
    """Write a size exactly, in the largest unit that leaves a whole number: ``8g``, ``1536m``."""
    whole = int(count_bytes)
    for unit, power in reversed(_SIZE_POWER.items()):
        if unit and whole and whole % 1024**power == 0:
            return f"{whole // 1024**power}{unit}"
    return f"{whole} bytes"


def duration_text(seconds: float) -> str:
    """Write whole seconds exactly, in as few units as that takes: ``1d``, ``1h30m``."""
    parts, rest = "", int(seconds)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_UNIT_SECONDS[unit]))
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def parse_nano_cpus(value: object) -> int:
    """Billionths of a CPU (the engine's unit) of ``0.5``, ``2``, ``"1.25"``. Raises ValueError."""
    try:
        number = Decimal(_plain_text(value) or "")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or number > 1_000_000:
        msg = f'must be a number of CPUs such as 0.5 or "2", not {_shown(value)}'
        raise ValueError(msg)
    return int(number * NANO)


def parse_geometry(value: object) -> str:
    """``WIDTHxHEIGHT`` in pixels, as given. Raises ValueError."""
    match = _GEOMETRY.fullmatch(value) if isinstance(value, str) else None
    if match is None or any(not 10 <= int(side) <= MAX_PIXELS for side in match.groups()):
        msg = (
            f'must be WIDTHxHEIGHT in pixels, 10 to {MAX_PIXELS} each, such as "1280x800", '
            f"not {_shown(value)}"
        )
        raise ValueError(msg)
    return match[0]


def _plain_text(value: object) -> str | None:
    """Write numbers out and pass text on; None for anything else, booleans included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return number_text(value)
    return value if isinstance(value, str) and value.isascii() else None


def number_text(value: float) -> str:
    """Write a number so that it can be read back: whole ones without a point, no exponent."""
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
