"""Where this node keeps things, by FastX's and systemd's variables. Costs nothing to import."""

from __future__ import annotations

import os
from pathlib import Path


def config_directory() -> Path:
    """``FX_CONFIG_DIR``, FastX's own variable."""
    return Path(os.environ.get("FX_CONFIG_DIR", "/etc/fastx"))


def local_directory() -> Path:
    """``FX_LOCAL_DIR``: where this node keeps its state."""
    return Path(os.environ.get("FX_LOCAL_DIR", "/var/fastx/local"))


def run_directory(given: Path | None) -> Path:
    """``--runtime-dir``, else systemd's ``RUNTIME_DIRECTORY``, else the default."""
    by_systemd = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return given or Path(by_systemd or "/run/fastx-supervisor")
