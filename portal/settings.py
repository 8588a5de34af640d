"""The configuration that holds; parts ask for it at each decision, and keep nothing of it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from portal.config import Config


@dataclass(slots=True)
class Settings:
    """What a reload puts another in the place of, whole (``portal/reload.py``)."""

    config: Config
    tls: ssl.SSLContext | None = None
    """What the portal shows of itself to who connects from now on; ``None``: in clear."""
