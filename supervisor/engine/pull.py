"""Progress of a pull: the Engine API's lines (``POST /images/create``) to one fraction. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DONE = frozenset({"Pull complete", "Already exists"})
_DOWNLOAD_SHARE = 0.7
"""How much of a layer's work is the download; the rest is unpacking."""


class PullProgress:
    """Layers weighted by their size, as far as it is known; never goes back."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._shares: dict[str, float] = {}
        self.fraction = 0.0

    def take(self, line: Mapping[str, Any]) -> bool:
        """Take one line of the stream; whether the fraction moved by a percent or more."""
        layer = line.get("id")
        if not isinstance(layer, str):
            return False
        detail = line.get("progressDetail") or {}
        total = int(detail.get("total") or 0)
        if total > 0:
            self._sizes[layer] = max(self._sizes.get(layer, 0), total)
        share = _share(str(line.get("status", "")), int(detail.get("current") or 0), total)
        if share is None:
            return False
        self._shares[layer] = max(self._shares.get(layer, 0.0), share)
        return self._move()

    def _move(self) -> bool:
        weight = sum(self._sizes.get(layer, 1) for layer in self._shares)
        done = sum(self._sizes.get(layer, 1) * share for layer, share in self._shares.items())
        fraction = round(done / weight, 2) if weight else 0.0
        if fraction <= self.fraction:
            return False
        self.fraction = fraction
        return True


def _share(status: str, current: int, total: int) -> float | None:
    """How much of one layer is done (0..1); ``None`` for lines that are not about a layer."""
    if status in _DONE:
        return 1.0
    part = current / total if total else 0.0
    match status:
        case "Pulling fs layer" | "Waiting":
            return 0.0
        case "Downloading":
            return _DOWNLOAD_SHARE * part
        case "Verifying Checksum" | "Download complete":
            return _DOWNLOAD_SHARE
        case "Extracting":
            return _DOWNLOAD_SHARE + (1 - _DOWNLOAD_SHARE) * part
        case _:
            return None
