"""Progress of a pull: the Engine API's lines (``POST /images/create``) to one fraction. Pure.

Both image stores of the engine speak alike, but that containerd's counts seconds, not bytes, while
it unpacks (moby, ``daemon/containerd/progress.go``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_DOWNLOAD_SHARE = 0.7
"""How much of a layer's work is the download; the rest is unpacking."""

_EPSILON = 1e-6


class _Stage(IntEnum):
    LISTED = 0
    DOWNLOADING = 1
    DOWNLOADED = 2
    EXTRACTING = 3
    DONE = 4


_STAGES = {
    "Pulling fs layer": _Stage.LISTED,
    "Waiting": _Stage.LISTED,
    "Downloading": _Stage.DOWNLOADING,
    "Pulling layer fs": _Stage.DOWNLOADING,
    "Verifying Checksum": _Stage.DOWNLOADED,
    "Download complete": _Stage.DOWNLOADED,
    "Extracting": _Stage.EXTRACTING,
    "Pull complete": _Stage.DONE,
}


class PullProgress:
    """Layers weighted by their bytes; never goes back.

    The engine tells a layer's size when its download begins, three at a time: until then a layer
    weighs as much as the known ones on average. A layer that is here already weighs nothing.
    """

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self.fraction = 0.0
        """Whole percents: 1.0 is all of it."""
        self.begun = False
        """Whether anything has come."""
        self.finished = False
        """Whether the engine said that the image is here; a stream can also just end."""

    def take(self, line: Mapping[str, Any]) -> bool:
        """Take one line of the stream; whether it is a sign of life, be it less than a percent."""
        status, name = str(line.get("status", "")), line.get("id")
        self.finished |= status.startswith("Status: ")
        if not isinstance(name, str):
            return False
        if status.startswith("Retrying in "):
            # The engine gives up by itself, after five times.
            return True
        if status == "Already exists":
            return self._layers.pop(name, None) is not None
        stage = _STAGES.get(status)
        if stage is None:
            return False
        detail = line.get("progressDetail") or {}
        layer = self._layers.setdefault(name, _Layer())
        moved = layer.advance(stage, int(detail.get("current") or 0), int(detail.get("total") or 0))
        before = self.fraction
        self.begun |= moved
        self.fraction = max(before, self._share())
        return moved or self.fraction > before

    def _share(self) -> float:
        layers = self._layers.values()
        sizes = [layer.size for layer in layers if layer.size]
        usual = sum(sizes) / len(sizes) if sizes else 1.0
        weight = sum(layer.size or usual for layer in layers)
        done = sum((layer.size or usual) * layer.share for layer in layers)
        # 0.7 * 10 is not quite 7.
        return int(100 * done / weight + _EPSILON) / 100


@dataclass(slots=True)
class _Layer:
    size: int = 0
    """Bytes, compressed; 0 as long as it is not known."""
    stage: _Stage = _Stage.LISTED
    current: int = 0

    def advance(self, stage: _Stage, current: int, total: int) -> bool:
        """Whether the layer got further than ever; a download may begin anew."""
        self.size = max(self.size, total)
        if (stage, current) <= (self.stage, self.current):
            return False
        self.stage, self.current = stage, current
        return True

    @property
    def share(self) -> float:
        """How much of the layer's work is done (0..1)."""
        part = min(1.0, self.current / self.size) if self.size else 0.0
        match self.stage:
            case _Stage.LISTED:
                return 0.0
            case _Stage.DOWNLOADING:
                return _DOWNLOAD_SHARE * part
            case _Stage.DOWNLOADED:
                return _DOWNLOAD_SHARE
            case _Stage.EXTRACTING:
                return _DOWNLOAD_SHARE + (1 - _DOWNLOAD_SHARE) * part
            case _Stage.DONE:
                return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """A pull under way: what has to be said if it fails."""

    reference: str
    advice: str
    """What to do if the registry wants other credentials."""
    progress: PullProgress
