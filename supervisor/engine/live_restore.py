"""Whether an engine that is restarted kills what it should let live.

With live-restore, containers outlive their engine. Up to 24.0.7 the next life of the engine removes
those that are to be removed when they exit, although they run (moby issue 46308).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_MENDED: Final = (24, 0, 8)


def removes_survivors(info: Mapping[str, Any]) -> bool:
    """Whether ``AutoRemove`` costs a container its life; ``info``: answer of ``GET /info``."""
    return bool(info.get("LiveRestoreEnabled")) and _release(info.get("ServerVersion")) < _MENDED


def _release(version: object) -> tuple[int, ...]:
    """The first three numbers; a version that cannot be read is a new one."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", str(version))
    return tuple(int(number or 0) for number in found.groups()) if found else _MENDED
