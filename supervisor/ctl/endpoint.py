"""Where the daemon is that a command is for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.places import run_directory

if TYPE_CHECKING:
    from supervisor.ctl.remote import Remote


def socket_path(given: str | None) -> Path | Remote:
    """``--socket``, else ``FX_SOCKET``, else where the daemon puts it by default.

    Raises BadEndpointError for an address that cannot be used.
    """
    named = given or os.environ.get("FX_SOCKET")
    if not named:
        return run_directory(None) / "web.sock"
    if not named.startswith(("https://", "http://")):
        return Path(named)
    from supervisor.ctl.remote import remote  # noqa: PLC0415 brings TLS, and few need it

    return remote(named, os.environ.get("FX_TOKEN_FILE"), os.environ.get("FX_CA_FILE"))
