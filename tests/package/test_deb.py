"""The Debian package: installed, used, upgraded, taken away, on a Debian without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.package.conftest import debian
from tests.package.host import Host
from tests.support.packages import Packages

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

NAME = "fastx-docker-supervisor"
INSTALL = "dpkg --install /packages/*-1_*.deb"
LEFT_TO_PURGE = [
    f"{place}/fastx-supervisor" for place in ("/run", "/usr/lib", "/usr/share", "/var/log")
]
MODES = {
    "/etc/fastx": "755 root root",
    "/etc/fastx/fastx.env": "644 root root",
    "/etc/fastx/launcher-templates/README": "644 root root",
    "/etc/fastx/portal.yaml": "644 root root",
    "/etc/fastx/supervisor.yaml": "644 root root",
    "/etc/pam.d/fx-portal": "644 root root",
    "/usr/bin/fx-portal": "755 root root",
    "/usr/bin/fx-supervisor": "755 root root",
    "/usr/bin/fxctl": "755 root root",
    "/usr/lib/fastx-supervisor/python/supervisor/share/agent/bin/fx-session": "755 root root",
    "/usr/share/bash-completion/completions/fxctl": "644 root root",
    "/usr/lib/fastx-supervisor/python/portal/static/vendor/novnc/LICENSE.txt": "644 root root",
    "/usr/share/man/man1/fxctl.1.gz": "644 root root",
    "/usr/share/man/man8/fx-portal.8.gz": "644 root root",
    "/lib/systemd/system/fx-portal.service": "644 root root",
    "/lib/systemd/system/fx-supervisor.service": "644 root root",
    "/lib/systemd/system/fx-supervisor.socket": "644 root root",
    "/usr/share/fastx-supervisor/alerts.yaml": "644 root root",
    "/usr/share/fastx-supervisor/grafana-dashboard.json": "644 root root",
    "/usr/share/fastx-supervisor/schema/audit.json": "644 root root",
    "/usr/share/fastx-supervisor/templates/docker.tpl": "644 root root",
    "/var/fastx": "755 root root",
    "/var/fastx/local": "700 fastx fastx",
    "/var/fastx/portal": "700 fastx-portal fastx-portal",
}


@dataclass(frozen=True, slots=True)
class Installed:
    """A host for tests that only look, and what the installation said."""

    host: Host
    said: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installed(packages: Packages) -> AsyncIterator[Installed]:
    """Installed once for all of these."""
    async with debian(packages) as host:
        yield Installed(host, await host.sh(INSTALL))


async def test_it_is_installed_and_runs(installed: Installed) -> None:
    """Files, user, service and programs are there; a missing bundle is said, and how to make it."""
    said = installed.said
    assert "/usr/lib/fastx-supervisor/build-bundle /usr/lib/fastx-supervisor/bundle &&" in said
    for path, expected in MODES.items():
        assert (await installed.host.sh(f"stat -L -c '%a %U %G' {path}")).strip() == expected, path
    assert "docker" in await installed.host.sh("id -nG fastx")
    for unit in ("fx-supervisor.service", "fx-supervisor.socket"):
        assert (await installed.host.sh(f"systemctl is-enabled {unit}")).strip() == "enabled"
    checked = await installed.host.sh(
        "setpriv --reuid fastx --regid fastx --init-groups fx-supervisor check"
    )
    assert "are in order (" in checked
    assert "share/agent/build-bundle /usr/lib/fastx-supervisor/bundle" in checked
    assert await installed.host.sh("dpkg --verify " + NAME) == ""


async def test_the_portal_waits_to_be_enabled(installed: Installed) -> None:
    """It is let in by the supervisor, and into the engine's group never; nobody has started it."""
    host = installed.host
    assert (await host.sh("systemctl is-enabled fx-portal || true")).strip() == "disabled"
    assert (await host.sh("id -nG fastx-portal")).split() == ["fastx-portal"]
    settings = await host.sh("cat /etc/fastx/supervisor.yaml")
    assert "    allow_users: [fastx-portal] #" in settings
    await host.sh(
        "setpriv --reuid fastx-portal --regid fastx-portal --clear-groups fx-portal check"
    )
    files = await host.sh("dpkg-query -W -f '${Conffiles}' " + NAME)
    assert "/etc/fastx/portal.yaml" in files
    assert "/etc/pam.d/fx-portal" in files


async def test_files_name_the_schemas_where_they_are(installed: Installed) -> None:
    """An editor finds what completes and explains the keys."""
    for path in ("/etc/fastx/supervisor.yaml", "/usr/share/fastx-supervisor/templates/docker.tpl"):
        first = (await installed.host.sh(f"head -n 1 {path}")).strip()
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert '"$schema"' in await installed.host.sh(f"cat {schema}")
    assert "/etc/fastx/supervisor.yaml" in await installed.host.sh(
        "dpkg-query -W -f '${Conffiles}' " + NAME
    )


async def test_neither_environment_nor_other_modules_change_what_runs(installed: Installed) -> None:
    """What Python loads for every program of a host, and a module that has a name of ours."""
    await installed.host.sh(
        "mkdir /tmp/other && echo 'raise SystemExit(99)' > /tmp/other/pydantic.py"
    )
    await installed.host.sh(
        "echo 'import os; os._exit(99)' > /usr/lib/python3/dist-packages/other.pth"
    )
    said = await installed.host.sh(
        "cd /tmp/other && PYTHONPATH=/tmp/other PYTHONHOME=/x fx-supervisor check"
    )
    assert "in order" in said


async def test_the_daemon_starts_as_its_user(installed: Installed) -> None:
    """With a bundle it gets as far as its engine, which this host has not started."""
    await installed.host.sh("mkdir /usr/lib/fastx-supervisor/bundle")
    await installed.host.sh(
        "echo '{\"mounts\": []}' > /usr/lib/fastx-supervisor/bundle/bundle.json"
    )
    await installed.host.sh(
        "setpriv --reuid fastx --regid fastx --init-groups fx-supervisor >/tmp/log 2>&1 & "
        "for i in {1..300}; do test -S /run/fastx-supervisor/web.sock && break; sleep 0.1; done; "
        "curl=$(fxctl --json templates); kill %1; wait %1; grep -q docker <<< $curl"
    )


async def test_an_upgrade_keeps_what_was_changed(host: Host) -> None:
    """Configuration of the administrator's, and their choice not to start the service; and back."""
    await host.sh(INSTALL)
    await host.sh("echo 'DOCKER_HOST=unix:///run/other.sock' >> /etc/fastx/fastx.env")
    await host.sh("systemctl disable fx-supervisor; touch /var/fastx/local/supervisor.db")
    for revision in ("2", "1"):
        await host.sh(f"dpkg --force-confold --install /packages/*-{revision}_*.deb")
        version = await host.sh("dpkg-query -W -f '${Version}' " + NAME)
        assert version.endswith(f"-{revision}")
        assert "other.sock" in await host.sh("cat /etc/fastx/fastx.env")
        assert "disabled" in await host.sh("systemctl is-enabled fx-supervisor || true")
        assert await host.exists("/var/fastx/local/supervisor.db")
        assert "fxctl" in await host.sh("fxctl --version")


async def test_removal_leaves_state_and_purge_takes_it(host: Host) -> None:
    """Configuration and store of a removed package wait for it; a purged one leaves its user."""
    await host.sh(INSTALL)
    await host.sh("touch /var/fastx/local/supervisor.db; mkdir -p /home/alice; touch /home/alice/x")
    await host.sh("touch /var/fastx/portal/portal.db")
    await host.sh("mkdir -p /usr/lib/fastx-supervisor/bundle-1/bin /var/log/fastx-supervisor")
    await host.sh("dpkg --remove " + NAME)
    assert await host.exists("/etc/fastx/fastx.env")
    assert await host.exists("/var/fastx/local/supervisor.db")
    assert await host.exists("/var/fastx/portal/portal.db")
    for place in ("/usr/bin/fxctl", "/usr/bin/fx-portal", "/usr/lib/fastx-supervisor/python"):
        assert not await host.exists(place), place
    await host.sh("dpkg --purge " + NAME)
    assert not await host.exists("/etc/fastx")
    for place in ("/var/fastx", "/etc/pam.d/fx-portal", *LEFT_TO_PURGE):
        assert not await host.exists(place), place
    assert await host.sh("find /etc/systemd /lib/systemd -name 'fx-*'") == ""
    assert await host.exists("/home/alice/x")
    assert "fastx" in await host.sh("id fastx && id fastx-portal")


async def test_what_sessions_have_mounted_outlives_a_purge(host: Host) -> None:
    """With containers left, bundle and files stay, and it is said which command ends them."""
    await host.sh(INSTALL)
    await host.sh("mkdir -p /usr/lib/fastx-supervisor/bundle-1 /run/fastx-supervisor/sessions/a")
    # No engine runs on this host: what it would say of two sessions.
    await host.sh("printf '#!/bin/sh\\necho 1; echo 2\\n' > /usr/local/bin/docker")
    await host.sh("chmod 755 /usr/local/bin/docker")
    said = await host.sh("dpkg --remove " + NAME)
    assert "2 sessions' containers run on" in said
    assert "docker rm -f" in said
    said = await host.sh("dpkg --purge " + NAME)
    assert "docker rm -f" in said
    assert await host.exists("/usr/lib/fastx-supervisor/bundle-1")
    assert await host.exists("/run/fastx-supervisor/sessions/a")
