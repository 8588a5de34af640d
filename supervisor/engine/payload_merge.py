"""What is done to bodies as a whole: leave out what says nothing, lay one over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    """Drop None, False and what is empty: the engine's defaults. Numbers stay, 0 too."""
    return {
        key: value
        for key, value in body.items()
        if value is not None and value is not False and value not in ("", [], {})
    }


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one object over another: objects are merged, everything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        present = result.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            result[key] = merged(present, value)
        else:
            result[key] = value
    return result
