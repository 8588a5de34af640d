"""Text between a viewer and a session, by the template's policy, which both ends keep."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.share import agent_directory
from tests.integration.test_exec import execute
from tests.support.agent_container import AgentStage
from tests.support.clipboard import PASTING, copying, is_painted, painting, pasted
from tests.support.daemon import Daemon, running_daemon
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.rfb_client import RfbClient
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

INWARD, OUTWARD = "of the viewer", "of the session"
KEPT_BY = "[ 1, 0 ]", "[ 0, 1 ]", "[ 0, 0 ]"
"""What the agent tells the X server not to do, in its source."""
IN = {ClipboardPolicy.BOTH, ClipboardPolicy.IN}
OUT = {ClipboardPolicy.BOTH, ClipboardPolicy.OUT}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def careless(
    site: Surroundings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Daemon]:
    """A daemon whose agents let the X server do everything, as a user inside can make it do."""
    agent = tmp_path_factory.mktemp("careless") / "agent"
    shutil.copytree(agent_directory(), agent)
    for directory in (agent, *agent.parents[:3]):
        directory.chmod(0o755)
    source = agent / "lib/FastX/XServer.pm"
    text = source.read_text()
    for flags in KEPT_BY:
        assert flags in text
        text = text.replace(flags, "[ 1, 1 ]")
    source.write_text(text)
    config = {
        "agent": {"bundle": str(site.bundle), "heartbeat_seconds": 1, "directory": str(agent)}
    }
    async with running_daemon(site, config=config) as running:
        yield running


def with_policy(daemon: Daemon, policy: ClipboardPolicy) -> str:
    """A template that says so."""
    home = "volumes: ['${user.home}:${user.home}']"
    lines = [f"image: {daemon.site.sample}", "command: sleep 600", home]
    # The background is looked at, which a window would be in front of.
    session = f"session: {{clipboard: {policy}, window_manager: none}}"
    daemon.write_template(policy, "\n".join([*lines, session, ""]))
    return str(policy)


async def exchanged(web: WebServer, session_id: str, screen: RfbClient) -> set[str]:
    """Copy on both sides; which text has arrived on the other."""
    arrived: set[str] = set()

    async def clipboard() -> str:
        return pasted((await execute(web, session_id, PASTING)).body["output"])

    await screen.refresh()
    await screen.paste(INWARD)
    await screen.refresh()
    await caught_up(web, session_id, screen)
    if await clipboard() == INWARD:
        arrived.add(INWARD)
    await execute(web, session_id, copying(OUTWARD), wait=False)

    async def owned() -> bool:
        return await clipboard() == OUTWARD

    await eventually(owned, "the session's clipboard holds what was copied there")
    await caught_up(web, session_id, screen)
    if OUTWARD in screen.cut_texts:
        arrived.add(OUTWARD)
    assert set(screen.cut_texts) <= {OUTWARD}
    return arrived


async def caught_up(web: WebServer, session_id: str, *screens: RfbClient) -> None:
    """Wait until viewers have whatever they were sent so far."""
    colour = (secrets.randbelow(256), secrets.randbelow(256), secrets.randbelow(256))
    await execute(web, session_id, painting(colour))
    async with asyncio.timeout(LONG_SECONDS):
        for screen in screens:
            await screen.wait_until(partial(is_painted, screen, colour))


def expected(policy: ClipboardPolicy) -> set[str]:
    """What may arrive."""
    inward = {INWARD} if policy in IN else set()
    return inward | ({OUTWARD} if policy in OUT else set())


@pytest.mark.parametrize("policy", ClipboardPolicy)
async def test_text_travels_as_the_template_says(
    web: WebServer, daemon: Daemon, policy: ClipboardPolicy
) -> None:
    """Both ways, each way, or not at all."""
    template = with_policy(daemon, policy)
    async with (
        web.session(template=template) as session,
        viewing(web, session["id"]) as screen,
    ):
        assert await exchanged(web, session["id"], screen) == expected(policy)


@pytest.mark.parametrize("policy", ClipboardPolicy)
async def test_the_relay_keeps_the_policy_alone(careless: Daemon, policy: ClipboardPolicy) -> None:
    """Whatever the X server lets through."""
    template = with_policy(careless, policy)
    async with (
        WebServer(careless) as web,
        web.session(template=template) as session,
        viewing(web, session["id"]) as screen,
    ):
        assert await exchanged(web, session["id"], screen) == expected(policy)


async def test_a_view_only_viewer_has_no_clipboard(web: WebServer, daemon: Daemon) -> None:
    """What the user copies is nothing that guests see; who is in control gets it."""
    template = with_policy(daemon, ClipboardPolicy.BOTH)
    async with (
        web.session(template=template) as session,
        viewing(web, session["id"]) as screen,
        viewing(web, session["id"], mode="view") as guest,
    ):
        await execute(web, session["id"], copying(OUTWARD), wait=False)
        async with asyncio.timeout(LONG_SECONDS):
            await screen.wait_until(lambda: OUTWARD in screen.cut_texts)
        await caught_up(web, session["id"], screen, guest)
        assert guest.cut_texts == []


@pytest.mark.parametrize("policy", ClipboardPolicy)
async def test_the_x_server_keeps_the_policy_alone(policy: ClipboardPolicy) -> None:
    """Without the product's relay: what the agent tells the X server is enough."""
    stage = AgentStage.of_environment()
    async with stage.session(["sleep", "100"], image=stage.sample, clipboard=policy) as session:
        await session.relay.callback("ready")
        stream = await session.relay.open_display("viewer")
        async with RfbClient.connect(stream) as screen:
            await screen.refresh()
            await screen.paste(INWARD)
            await screen.refresh()
            await session.relay.execute("wait", painting((1, 2, 3)))
            await screen.wait_until(lambda: is_painted(screen, (1, 2, 3)))
            arrived: set[str] = set()
            answer = await session.relay.execute("paste", PASTING)
            if pasted(answer["output"]) == INWARD:
                arrived.add(INWARD)
            await session.relay.command(type="exec", id="copy", command=copying(OUTWARD))

            async def owned() -> bool:
                answer = await session.relay.execute(secrets.token_hex(4), PASTING)
                return pasted(answer["output"]) == OUTWARD

            await eventually(owned, "the session's clipboard holds what was copied there")
            await session.relay.execute("wait again", painting((3, 2, 1)))
            await screen.wait_until(lambda: is_painted(screen, (3, 2, 1)))
            arrived |= set(screen.cut_texts)
    assert arrived == expected(policy)
