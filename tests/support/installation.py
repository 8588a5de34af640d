"""The project installed on a machine, as docs/install.md says: the Debian package, by dpkg."""

from __future__ import annotations

from pathlib import Path

from tests.support.machine import UNIT, Machine
from tests.support.packages import built
from tests.support.surroundings import Surroundings

ROOT = Path(__file__).parents[2]
USER = "alice"
NAME = "fastx-docker-supervisor"
CONFIG = "/etc/fastx/supervisor.yaml"
SETTINGS = "agent:\n  heartbeat_seconds: 1\n"
"""So that a test need not wait long to hear of an agent."""
PACKAGES = "/packages"
BUNDLE = "/usr/lib/fastx-supervisor/bundle"
INSTALL = f"FASTX_BUNDLE=no dpkg --force-confold --install {PACKAGES}/*-1_*.deb"

_FOREIGN_BUNDLE = "/opt/bundle"


def mounts(site: Surroundings) -> tuple[str, ...]:
    """What ``install`` needs of this host: the built packages and the X server bundle."""
    return (f"{built().directory}:{PACKAGES}:ro", bundle_mount(site))


def bundle_mount(site: Surroundings) -> str:
    """What ``place_bundle`` needs."""
    return f"{site.bundle}:{_FOREIGN_BUNDLE}:ro"


async def install(machine: Machine) -> None:
    """Put program, units and accounts in place. The one function that knows how."""
    await place_bundle(machine)
    await machine.sh(INSTALL)


async def place_bundle(machine: Machine) -> None:
    """As build-bundle leaves it; the archive that it is made from is in no test's reach."""
    await machine.sh(f"mkdir -p {BUNDLE}-made && cp -a {_FOREIGN_BUNDLE}/. {BUNDLE}-made/")
    await machine.sh(f"ln -s bundle-made {BUNDLE}")


async def configure(machine: Machine, image: str) -> None:
    """What an administrator adds: settings, a template for their image; and a user."""
    shipped = (ROOT / "templates" / "docker.tpl").read_text()
    template = shipped.replace("image: fx-sample:bookworm", f"image: {image}")
    template = template.replace("${start.command:-xterm}", "${start.command:-sleep 1000}")
    assert template.count(image) == 1
    assert "sleep 1000" in template
    await machine.write("/etc/fastx/launcher-templates/docker.tpl", template)
    await machine.write(CONFIG, SETTINGS)
    await machine.sh(f"id -u {USER} || useradd --create-home {USER}")
    await machine.load(image)
    await machine.run("systemctl", "restart", UNIT)
