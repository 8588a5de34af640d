"""The stage for tests in a real browser: one daemon, portal and Chromium for each worker.

``scripts/test`` runs them in workers side by side, which share the engine and the users' homes, and
nothing else: a worker has a network of its own, and with it its ports; what a test puts into a home
has a name of its own. Each person of a test has a browser context of their own; what a test has
started is purged after it. A test that would harm daemon or portal takes ``another`` of each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.people import Person, person
from tests.browser.stage import CONFIG, Stage, running_browser, running_stage
from tests.support.network import Network, own_network
from tests.support.surroundings import Surroundings, surroundings


@pytest.fixture(scope="session")
def site() -> Surroundings:
    """What ``scripts/test`` has prepared."""
    return surroundings()


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """What all that is started is in."""
    with own_network() as own:
        yield own


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(network: Network) -> AsyncIterator[Browser]:  # noqa: ARG001 it starts there
    """Chromium, for all."""
    async with running_browser() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def everything(site: Surroundings, browser: Browser) -> AsyncIterator[Stage]:
    """Daemon and portal, for all that do not harm them."""
    async with running_stage(site, browser) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def another(site: Surroundings, browser: Browser) -> AsyncIterator[Stage]:
    """A daemon and a portal that may be stopped and closed; the first user administers them."""
    config = {**CONFIG, "administrators": {"users": [site.user]}}
    async with running_stage(site, browser, config) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stage(everything: Stage) -> AsyncIterator[Stage]:
    """The same, without a session at first, nor afterwards."""
    yield everything
    await purge_all(everything)


@pytest_asyncio.fixture(loop_scope="session")
async def alice(stage: Stage) -> AsyncIterator[Person]:
    """Somebody who has signed in and looks at home."""
    async with person(stage, stage.user) as somebody:
        await somebody.sign_in()
        yield somebody
        await somebody.forget_preferences()


@pytest_asyncio.fixture(loop_scope="session")
async def bob(stage: Stage) -> AsyncIterator[Person]:
    """Somebody else, likewise."""
    async with person(stage, stage.second_user) as somebody:
        await somebody.sign_in()
        yield somebody
        await somebody.forget_preferences()


async def purge_all(stage: Stage) -> None:
    """Take away every session there is."""
    for session in await stage.web.session_list():
        await stage.web.call("DELETE", f"/v1/sessions/{session['id']}")
