"""A body as the engine will read it: its JSON decoder does not tell upper from lower case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = frozenset(
    {"env", "labels", "sysctls", "tmpfs", "storageopt", "config", "options", "driveropts"}
    | {"portbindings", "exposedports", "volumes", "endpointsconfig", "annotations", "extrahosts"}
)
"""Objects whose keys are names, not the engine's words."""


def canonical(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the engine's words in lower case."""
    return {key.lower(): _value(key.lower(), value) for key, value in body.items()}


def collisions(body: Mapping[str, Any]) -> Iterator[str]:
    """Words that stand there twice, in different cases: only the engine knows which one counts."""
    seen: set[str] = set()
    for key, value in body.items():
        word = key.lower()
        if word in seen:
            yield key
        seen.add(word)
        if word not in _NAMES:
            yield from _within(value)


def _within(value: Any) -> Iterator[str]:  # noqa: ANN401 any JSON
    if isinstance(value, Mapping):
        yield from collisions(value)
    elif isinstance(value, list):
        for item in value:
            yield from _within(item)


def _value(word: str, value: Any) -> Any:  # noqa: ANN401 any JSON
    if isinstance(value, Mapping):
        return dict(value) if word in _NAMES else canonical(value)
    if isinstance(value, list):
        return [canonical(item) if isinstance(item, Mapping) else item for item in value]
    return value
