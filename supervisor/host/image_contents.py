"""What a session needs to know of its image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """Read once per image id, which is a hash of the image's content and so never goes stale."""

    image_id: str
    perl: str | None
    """Absolute path of the perl interpreter; ``None`` if the image holds none."""
    passwd: str
    group: str
