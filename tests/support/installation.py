"""The project installed on a machine, as docs/install.md says."""

from __future__ import annotations

from pathlib import Path

from tests.support.machine import SOCKETS, UNIT, Machine
from tests.support.surroundings import Surroundings

ROOT = Path(__file__).parents[2]
USER = "alice"
VENV = "/opt/fx-supervisor"
CONFIG = "/etc/fastx/supervisor.yaml"
SETTINGS = "agent:\n  heartbeat_seconds: 1\n"
"""So that a test need not wait long to hear of an agent."""
BUNDLE = "/usr/lib/fastx-supervisor/bundle"

_COMMANDS = {
    "fx-supervisor": f'exec {VENV}/bin/python -m supervisor "$@"',
    "fxctl": f'exec {VENV}/bin/python -c "from supervisor.ctl.app import main; main()" "$@"',
}
# Above units, below drop-ins of tests.
_FILES = {
    "fx-supervisor.sysusers": "/usr/lib/sysusers.d/fx-supervisor.conf",
    "fx-supervisor.tmpfiles": "/usr/lib/tmpfiles.d/fx-supervisor.conf",
    UNIT: f"/usr/lib/systemd/system/{UNIT}",
    SOCKETS: f"/usr/lib/systemd/system/{SOCKETS}",
}


def mounts(site: Surroundings) -> tuple[str, ...]:
    """What ``install`` needs of this host: the installed wheel and the X server bundle."""
    return (f"{site.venv}:{VENV}:ro", f"{site.bundle}:{BUNDLE}:ro")


async def install(machine: Machine) -> None:
    """Put program, units and accounts in place. The one function that knows how."""
    for name, line in _COMMANDS.items():
        await machine.write(f"/usr/bin/{name}", f"#!/bin/sh\n{line}\n", "0755")
    for name, target in _FILES.items():
        await machine.write(target, (ROOT / "systemd" / name).read_text())
    await machine.run("systemd-sysusers")
    await machine.run("systemd-tmpfiles", "--create")
    await machine.run("systemctl", "daemon-reload")


async def configure(machine: Machine, image: str) -> None:
    """What an administrator adds: settings, a template for their image; and a user."""
    shipped = (ROOT / "templates" / "docker.tpl").read_text()
    template = shipped.replace("image: fx-sample:bookworm", f"image: {image}")
    template = template.replace("${start.command:-xterm}", "${start.command:-sleep 1000}")
    assert template.count(image) == 1
    assert "sleep 1000" in template
    await machine.write("/etc/fastx/launcher-templates/docker.tpl", template)
    await machine.write(CONFIG, SETTINGS)
    await machine.run("useradd", "--create-home", USER)
    await machine.load(image)
