"""What the units keep from daemon and portal, which hold secrets, and from their remains."""

from __future__ import annotations

from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"


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
    assert settings("fx-supervisor.service", setting.partition("=")[0]) == [setting]


@pytest.mark.parametrize(
    "setting",
    [
        *("LimitCORE=0", "UMask=0077", "User=fastx-portal", "ProtectSystem=strict"),
        *("NoNewPrivileges=yes", "CapabilityBoundingSet=", "RestrictSUIDSGID=yes"),
        # No home is its business, and no process of others.
        *("ProtectHome=yes", "ProtectProc=invisible"),
        # For passwords; and the engine's group never.
        "SupplementaryGroups=shadow",
    ],
)
def test_the_portal_is_kept_in(setting: str) -> None:
    """Likewise; it is what the world talks to."""
    assert settings("fx-portal.service", setting.partition("=")[0]) == [setting]


def settings(unit: str, name: str) -> list[str]:
    """All that the unit says of this."""
    lines = (UNITS / unit).read_text().splitlines()
    return [line for line in lines if line.startswith(f"{name}=")]
