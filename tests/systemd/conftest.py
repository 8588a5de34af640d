"""The stage for tests under a real systemd: one machine for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.installation import configure, install, mounts
from tests.support.machine import UNIT, Machine, running_machine
from tests.support.surroundings import given, surroundings
from tests.systemd.acts import DROP_IN


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def machine() -> AsyncIterator[Machine]:
    """A machine with everything installed and nothing started."""
    site = surroundings()
    async with running_machine(given("FX_TEST_IMAGE_SYSTEMD"), *mounts(site)) as booted:
        await install(booted)
        await configure(booted, site.perl_base)
        yield booted


@pytest_asyncio.fixture(loop_scope="session")
async def service(machine: Machine) -> AsyncIterator[Machine]:
    """The machine with the service at work; whatever a test adds to the unit goes with it."""
    await machine.run("systemctl", "start", UNIT)
    yield machine
    if await machine.sh(f"ls -d {DROP_IN} 2>/dev/null || true"):
        await machine.sh(f"rm -r {DROP_IN}; systemctl daemon-reload; systemctl restart {UNIT}")
    sessions = [each["id"] for each in (await machine.fxctl("ps"))["sessions"]]
    if sessions:
        await machine.run("fxctl", "purge", *sessions)
