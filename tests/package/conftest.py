"""The stage for packages: all of them built once, and clean hosts to install them on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from tests.package.host import Host
from tests.support.packages import Packages, built
from tests.support.surroundings import given


@pytest.fixture(scope="session")
def packages() -> Packages:
    """Wheel, sdist and .deb of this tree."""
    return built()


def debian(packages: Packages) -> AbstractAsyncContextManager[Host]:
    """A Debian host with what the package depends on, without a network, ``/packages`` on it."""
    return Host.running(given("FX_TEST_IMAGE_SYSTEMD"), {packages.directory: "/packages"})


@pytest_asyncio.fixture(loop_scope="session")
async def host(packages: Packages) -> AsyncIterator[Host]:
    """One of its own for a test that changes it."""
    async with debian(packages) as up:
        yield up
