"""``scripts/install`` on a host with systemd and a session: upgraded, given back, taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.installation import CONFIG, bundle_mount, configure, place_bundle
from tests.support.machine import SOCKETS, UNIT, CommandFailedError, Machine, running_machine
from tests.support.packages import TREE
from tests.support.surroundings import given, surroundings
from tests.systemd.acts import (
    container,
    main_pid,
    never_refused,
    running_session,
    until_seen_again,
)

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

INSTALL = "/tree/scripts/install --no-bundle --wheels /wheels"
CURRENT = "readlink /usr/lib/fastx-supervisor/current"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bare() -> AsyncIterator[Machine]:
    """A machine with a copy of the tree, and one session by what was installed from it."""
    site = surroundings()
    wheels = Path(given("FX_TEST_BUILD_VENV"), "wheels")
    shown = (bundle_mount(site), f"{TREE}:/tree.ro:ro", f"{wheels}:/wheels:ro")
    async with running_machine(given("FX_TEST_IMAGE_SYSTEMD"), *shown) as booted:
        await booted.sh(
            "mkdir /tree; cd /tree.ro; tar -c --exclude=.git --exclude=.*_cache . | tar -xC /tree"
        )
        await place_bundle(booted)
        await booted.sh(INSTALL)
        await configure(booted, site.perl_base)
        await running_session(booted)
        yield booted


async def session_of(machine: Machine) -> str:
    """The only session."""
    (session,) = (await machine.fxctl("ps"))["sessions"]
    found: str = session["id"]
    return found


async def test_a_version_that_does_not_start_is_given_back(bare: Machine) -> None:
    """It accepts the configuration and fails afterwards: the old one goes on with its session."""
    session_id, before = await session_of(bare), await container(bare)
    current = await bare.sh(CURRENT)
    unit = await bare.run("systemctl", "cat", UNIT)
    await bare.sh("cp -a /tree/supervisor/app.py /tree/systemd /tmp/")
    await bare.sh("echo 'async def serve(*_, **__): raise OSError(5)' >> /tree/supervisor/app.py")
    await bare.sh("sed -i 's/^WatchdogSec=.*/WatchdogSec=59/' /tree/systemd/fx-supervisor.service")
    with pytest.raises(CommandFailedError) as refused:
        await bare.sh(INSTALL)
    assert f"{current.strip()} runs again" in str(refused.value)
    assert await bare.sh(CURRENT) == current
    assert await bare.run("systemctl", "cat", UNIT) == unit
    assert (await bare.properties())["ActiveState"] == "active"
    assert await container(bare) == before
    await until_seen_again(bare, session_id)
    await bare.sh("cp -a /tmp/app.py /tree/supervisor/; cp -a /tmp/systemd/. /tree/systemd/")


async def test_an_upgrade_under_a_session(bare: Machine) -> None:
    """Nobody is refused, and what the session has mounted stays."""
    session_id, before = await session_of(bare), await container(bare)
    current, pid = await bare.sh(CURRENT), await main_pid(bare)
    await bare.sh("echo '# newer' >> /tree/supervisor/places.py")
    async with never_refused(bare):
        await bare.sh(INSTALL)
    assert await bare.sh(CURRENT) != current
    assert await main_pid(bare) != pid
    assert await container(bare) == before
    await until_seen_again(bare, session_id)
    assert await bare.sh(f"test -d /usr/lib/fastx-supervisor/{current.strip()} && echo there")
    first = await bare.run("head", "-n", "1", "/usr/share/fastx-supervisor/templates/docker.tpl")
    assert '"$schema"' in await bare.run("cat", first.strip().partition("$schema=")[2])


async def test_a_session_outlives_what_started_it(bare: Machine) -> None:
    """Uninstalled, it runs on, and is taken over by what is installed next."""
    session_id, before = await session_of(bare), await container(bare)
    said = await bare.sh(f"{INSTALL} --uninstall")
    assert "docker rm -f" in said
    assert (await bare.properties(SOCKETS))["LoadState"] == "not-found"
    assert await container(bare) == before
    assert "heartbeat_seconds" in await bare.run("cat", CONFIG)
    await bare.sh(INSTALL)
    await until_seen_again(bare, session_id)
    assert await container(bare) == before
