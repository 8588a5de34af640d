"""The stage for tests against the real engine: a daemon per module, a web server per test.

All run on one event loop, for the daemons outlive a test. A test that would harm the module's
daemon starts one of its own (``installed_daemon``, ``running_daemon``).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.daemon import Daemon, running_daemon
from tests.support.surroundings import Surroundings, surroundings
from tests.support.web_server import WebServer


@pytest.fixture(scope="session")
def site() -> Surroundings:
    """What ``scripts/test`` has prepared."""
    return surroundings()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """The module's daemon; at the end nothing may be left of it."""
    async with running_daemon(site) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def web(daemon: Daemon) -> AsyncIterator[WebServer]:
    """A web server of the module's daemon."""
    async with WebServer(daemon) as connected:
        yield connected


@pytest.fixture
def scratch(site: Surroundings) -> Iterator[Path]:
    """A directory in the user's home: the same place inside and outside of a session."""
    made = site.home / f"fx-test-{secrets.token_hex(4)}"
    made.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(made, site.account.pw_uid, site.account.pw_gid)
    yield made
    shutil.rmtree(made)
