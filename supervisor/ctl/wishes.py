"""Start objects out of what was typed: pairs, values of the declared types, the user."""

from __future__ import annotations

import math
import os
import pwd
import re
from collections.abc import Iterable, Mapping, Sequence

from supervisor.ctl.views import ParamView
from supervisor.lifecycle.session import ParamValue

_NUMERAL = re.compile(r"[+-]?\d{1,18}")
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """``["k=v", ...]`` as a mapping. Raises ValueError with a sentence about the option."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(f"{option} takes NAME=VALUE, not {text!r}.")
        if name in found:
            raise ValueError(f"{option} {name} is given twice.")
        found[name] = value
    return found


def typed_params(given: Mapping[str, str], declared: Iterable[ParamView]) -> dict[str, ParamValue]:
    """Each text as the type its param is declared with.

    What does not fit, and what is not declared, stays text: the daemon then says what it expects.
    """
    by_name = {param.name: param for param in declared}
    return {
        name: _typed(text, by_name[name]) if name in by_name else text
        for name, text in given.items()
    }


def _typed(text: str, param: ParamView) -> ParamValue:
    match param.type:
        case "integer" | "size":
            # A size with a unit is text on the wire as well.
            return int(text) if _NUMERAL.fullmatch(text) else text
        case "number" | "duration":
            return _number(text)
        case "boolean":
            return _BOOLEANS.get(text.lower(), text)
        case "choice":
            return next((c for c in param.choices if str(c) == text), text)
        case _:
            return text


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNIT_SECONDS = (86_400, 3_600, 60, 1)


def seconds(option: str, text: str) -> int:
    """Seconds of ``90``, ``30m``, ``1h30m``. Raises ValueError."""
    if _NUMERAL.fullmatch(text) and int(text) >= 0:
        return int(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{option} takes a length of time, such as 90s, 30m or 1h30m")
    return sum(
        int(count) * unit for count, unit in zip(match.groups("0"), _UNIT_SECONDS, strict=True)
    )


def _number(text: str) -> ParamValue:
    if _NUMERAL.fullmatch(text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def invoking_user() -> str:
    """Who typed this: also through sudo, where one seldom means root."""
    if os.geteuid() == 0 and (user := os.environ.get("SUDO_USER")):
        return user
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
