"""``scripts/install``: for hosts that have no package of the supervisor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.package.host import Host
from tests.support.packages import TREE
from tests.support.surroundings import given

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

INSTALL = "/tree/scripts/install --no-bundle --wheels /wheels"
LIBRARY = "/usr/lib/fastx-supervisor"


@pytest_asyncio.fixture(loop_scope="session")
async def bare() -> AsyncIterator[Host]:
    """A host with a copy of the tree at ``/tree``, and what was fetched of the lock."""
    shown = {TREE: "/tree.ro", Path(given("FX_TEST_BUILD_VENV"), "wheels"): "/wheels"}
    async with Host.running(given("FX_TEST_IMAGE_SYSTEMD"), shown) as up:
        await up.sh(
            "mkdir /tree; cd /tree.ro; tar -c --exclude=.git --exclude=.*_cache . | tar -xC /tree"
        )
        yield up


async def test_a_dry_run_changes_nothing(bare: Host) -> None:
    """Every step is named, nothing is there afterwards, and no root is needed."""
    before = await bare.sh("find / -xdev -newer /tree/pyproject.toml -not -path '/proc/*' | wc -l")
    said = await bare.sh(
        f"setpriv --reuid nobody --clear-groups {INSTALL} --dry-run --prefix /opt/fx"
    )
    assert "would see to: version" in said
    assert "/opt/fx/lib/fastx-supervisor" in said
    assert (
        await bare.sh("find / -xdev -newer /tree/pyproject.toml -not -path '/proc/*' | wc -l")
        == before
    )
    assert not await bare.exists("/opt/fx")


async def test_it_installs_twice_alike(bare: Host) -> None:
    """A second run finds everything done, and leaves the configuration alone."""
    await bare.sh(INSTALL)
    first = await bare.sh(f"readlink {LIBRARY}/current")
    assert "are in order (" in await bare.sh("fx-supervisor check")
    assert "fastx" in await bare.sh("id fastx")
    assert "portal.yaml" in await bare.sh("fx-portal check; ls /etc/fastx")
    for path in ("/usr/lib/systemd/system/fx-supervisor.service", "/etc/pam.d/fx-portal"):
        assert await bare.exists(path), path
    await bare.sh("echo '#mine' >> /etc/fastx/fastx.env")
    await bare.sh(INSTALL)
    assert await bare.sh(f"readlink {LIBRARY}/current") == first
    assert (await bare.sh(f"ls -d {LIBRARY}/venv-*")).count("venv-") == 1
    assert "#mine" in await bare.sh("cat /etc/fastx/fastx.env")


async def test_a_version_that_refuses_the_configuration_is_not_installed(bare: Host) -> None:
    """The old one goes on running, and why is said; an accepted one takes its place."""
    await bare.sh(INSTALL)
    before = await bare.sh(f"readlink {LIBRARY}/current")
    await bare.sh("echo '# newer' >> /tree/supervisor/places.py")
    await bare.sh("echo 'limits: {no_such_key: 1}' > /etc/fastx/supervisor.yaml")
    said = await bare.refused(INSTALL)
    assert "no_such_key" in said
    assert before.strip() in said
    assert await bare.sh(f"readlink {LIBRARY}/current") == before
    assert (await bare.sh(f"ls -d {LIBRARY}/venv-*")).count("venv-") == 1
    await bare.sh("rm /etc/fastx/supervisor.yaml")
    await bare.sh(INSTALL)
    assert await bare.sh(f"readlink {LIBRARY}/current") != before
    assert (await bare.sh(f"ls -d {LIBRARY}/venv-*")).count("venv-") == 1


async def test_another_prefix_and_out_again(bare: Host) -> None:
    """Units name the programs where they are; uninstalling leaves configuration and state."""
    await bare.sh(f"{INSTALL} --prefix /opt/fx")
    unit = "/etc/systemd/system/fx-supervisor.service"
    assert "ExecStart=/opt/fx/bin/fx-supervisor run" in await bare.sh(f"cat {unit}")
    portal = "/etc/systemd/system/fx-portal.service"
    assert "ExecStart=/opt/fx/bin/fx-portal run" in await bare.sh(f"cat {portal}")
    assert "fxctl 0" in await bare.sh("/opt/fx/bin/fxctl --version")
    await bare.sh("touch /var/fastx/local/supervisor.db; mkdir -p /home/alice")
    await bare.sh(f"{INSTALL} --prefix /opt/fx --uninstall")
    for path in (unit, portal, "/opt/fx/bin/fxctl", "/opt/fx/lib/fastx-supervisor"):
        assert not await bare.exists(path), path
    assert await bare.exists("/etc/fastx/fastx.env")
    assert await bare.exists("/var/fastx/local/supervisor.db")
    await bare.sh(f"{INSTALL} --prefix /opt/fx --uninstall --purge")
    for path in ("/etc/fastx", "/var/fastx", "/etc/pam.d/fx-portal"):
        assert not await bare.exists(path), path
    assert await bare.exists("/home/alice")


async def test_what_is_missing_is_said_by_its_package(bare: Host) -> None:
    """By the name that this distribution has for it, before anything is changed."""
    await bare.sh("rm /usr/bin/docker")
    said = await bare.refused(INSTALL)
    assert "apt-get install docker.io" in said
    assert not await bare.exists(LIBRARY)
    await bare.sh("mv /usr/bin/apt-get /usr/bin/apt-got; ln -s /bin/true /usr/bin/dnf")
    assert "dnf install moby-engine" in await bare.refused(INSTALL)


async def test_a_clone_needs_npm_and_an_sdist_does_not(bare: Host) -> None:
    """What it is for is said beside the name of its package."""
    await bare.sh("rm -r /tree/portal/static/vendor")
    said = await bare.refused(INSTALL)
    assert "an sdist has in it what npm would fetch" in said
    assert "apt-get install npm" in said
