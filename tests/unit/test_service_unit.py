"""What the unit keeps from a daemon that holds secrets, and from who looks at its remains."""

from __future__ import annotations

from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "fx-supervisor.service"


@pytest.mark.parametrize(
    "setting",
    [
        # What is in memory stays there: no core, not even when the watchdog ends it.
        *("LimitCORE=0", "WatchdogSignal=SIGKILL"),
        # What it writes is its own.
        "UMask=0077",
        # A program that it runs (docker-credential-*) can be no more than it is.
        *("NoNewPrivileges=yes", "CapabilityBoundingSet=", "RestrictSUIDSGID=yes"),
        # It changes nothing of the host but its own directories, neither configuration nor HOME.
        *("ProtectSystem=strict", "ProtectHome=read-only", "User=fastx"),
    ],
)
def test_the_service_is_kept_in(setting: str) -> None:
    """Exactly once, so that nothing after it takes it back."""
    name = setting.partition("=")[0]
    lines = UNIT.read_text().splitlines()
    assert [line for line in lines if line.startswith(f"{name}=")] == [setting]
