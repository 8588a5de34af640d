"""The package's life on a host with a session: upgraded, removed, purged, and the host rebooted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.engine import docker
from tests.support.eventually import eventually
from tests.support.installation import (
    CONFIG,
    INSTALL,
    NAME,
    PACKAGES,
    SETTINGS,
    USER,
    configure,
)
from tests.support.machine import SOCKETS, UNIT, Machine
from tests.support.surroundings import surroundings
from tests.systemd.acts import (
    container,
    main_pid,
    never_refused,
    running_session,
    until_seen_again,
)

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

# The next version, whose shipped configuration differs, too.
NEXT = f"""
dpkg-deb --raw-extract {PACKAGES}/*-1_*.deb /tmp/next
sed -i 's/^Version: .*/&.1/' /tmp/next/DEBIAN/control
echo '# of the next version' >> /tmp/next{CONFIG}
dpkg-deb -Zgzip -z1 --build /tmp/next /tmp/next.deb
"""
UPGRADE = "FASTX_BUNDLE=no dpkg --force-confold --install /tmp/next.deb"
PROOF = f"/home/{USER}/proof"


@pytest_asyncio.fixture(loop_scope="session")
async def home(service: Machine) -> AsyncIterator[Machine]:
    """The machine, with a file in the user's home that nobody may touch."""
    await service.run("install", "-o", USER, "/dev/null", PROOF)
    yield service
    assert (await service.run("stat", "-c", "%U", PROOF)).strip() == USER


async def test_an_upgrade_under_a_session(home: Machine) -> None:
    """Nobody is refused, the container does not notice, and the administrator's words stay."""
    session_id = await running_session(home)
    await home.sh(NEXT)
    before, pid = await container(home), await main_pid(home)
    sockets = (await home.properties(SOCKETS))["ActiveEnterTimestampMonotonic"]
    async with never_refused(home):
        await home.sh(UPGRADE)
    assert (await home.run("dpkg-query", "-W", "-f", "${Version}", NAME)).endswith("-1.1")
    assert await main_pid(home) != pid
    assert (await home.properties(SOCKETS))["ActiveEnterTimestampMonotonic"] == sockets
    assert await home.run("cat", CONFIG) == SETTINGS
    assert "# of the next version" in await home.run("cat", f"{CONFIG}.dpkg-dist")
    assert await container(home) == before
    await until_seen_again(home, session_id)


async def test_an_upgrade_of_what_was_stopped_starts_nothing_twice(home: Machine) -> None:
    """Disabled and stopped by the administrator: it stays so, whoever knocks."""
    await home.run("systemctl", "disable", "--now", UNIT, SOCKETS)
    await home.sh(INSTALL)
    assert (await home.properties())["ActiveState"] == "inactive"
    assert (await home.properties(SOCKETS))["ActiveState"] == "inactive"
    await home.run("systemctl", "enable", "--now", UNIT, SOCKETS)


async def test_a_session_outlives_removal_and_purge(home: Machine) -> None:
    """Store and configuration are gone; what runs is rebuilt from what it has with it."""
    session_id = await running_session(home)
    before = await container(home)
    assert "1 sessions' containers run on" in await home.run("dpkg", "--remove", NAME)
    for unit in (UNIT, SOCKETS):
        assert (await home.properties(unit))["LoadState"] == "not-found"
    assert await home.run("cat", CONFIG) == SETTINGS
    assert "docker rm -f" in await home.sh(f"dpkg --purge {NAME}")
    # What the administrator has written themselves, but for the shipped file that they changed.
    assert await home.sh("find /etc/fastx -type f; find /var/fastx 2>/dev/null || true") == (
        "/etc/fastx/launcher-templates/docker.tpl\n"
    )
    assert await container(home) == before
    await home.sh(INSTALL)
    await configure(home, surroundings().perl_base)
    await until_seen_again(home, session_id)
    assert await container(home) == before


async def test_a_reboot(home: Machine) -> None:
    """What was enabled comes up by itself; sessions of before are known to have ended."""
    session_id = await running_session(home)
    await docker("exec", "--detach", home.name, "systemctl", "poweroff")

    async def is_off() -> bool:
        return (await docker("inspect", "-f", "{{.State.Running}}", home.name)).strip() == "false"

    await eventually(is_off, "the machine is off")
    await docker("start", home.name)

    async def is_ready() -> bool:
        return (await home.sh("systemctl is-active fx-supervisor 2>&1 || true")) == "active\n"

    await eventually(is_ready, "the service is up")
    assert (await home.properties(SOCKETS))["ActiveState"] == "active"
    ended = await home.fxctl("show", session_id)
    assert (ended["phase"], ended["reason"]) == ("ended", "ContainerGone")
    assert await home.run("docker", "ps", "--all", "--quiet") == ""
    await running_session(home)
