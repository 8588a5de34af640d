"""Where the portal finds its files, by FastX's and systemd's variables."""

from __future__ import annotations

import os
from pathlib import Path


def config_file() -> Path:
    """``portal.yaml`` in ``FX_CONFIG_DIR``, FastX's own variable."""
    return Path(os.environ.get("FX_CONFIG_DIR", "/etc/fastx")) / "portal.yaml"


def state_directory() -> Path:
    """``FX_PORTAL_DIR``: sign-ins, shares, preferences, the key of one-time links."""
    return Path(os.environ.get("FX_PORTAL_DIR", "/var/fastx/portal"))


def static_directory() -> Path:
    """The pages, their scripts and styles; served as they lie there."""
    return Path(__file__).parent / "static"
