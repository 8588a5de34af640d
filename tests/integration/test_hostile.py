"""A session that attacks: its neighbour goes on, the daemon stays within bounds, the log names it.

Attacker and neighbour are of the same user, which is the harder case: to the kernel they are one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support.attacks import ATTACKS, ON_SOCKETS, command
from tests.support.daemon import Daemon, running_daemon
from tests.support.engine import docker, inspect
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

ROUNDS = 5
RSS_GROWTH_KB = 96 * 1024
DESCRIPTORS = 2600
"""1,024 refused on each of two sockets, 256 strangers, 64 handshakes, and the daemon's own."""
LOG_LINES = 100

FLOOD = {"calls", "connections", "open_calls"}
OFFENCES = {
    "connects": {"connections"},
    "crowd": {"connections"},
    "slow_heads": {"unfinished_heads"},
    "silence": {"unfinished_heads"},
    "forged_tokens": {"wrong_tokens"},
    "forged_displays": {"wrong_tokens"},
    "handshakes": {"handshakes"},
    "callbacks": {"calls", "connections"},
    "replays": {"calls", "connections"},
    "pipelines": {"calls", "connections"},
    "enormous_bodies": FLOOD,
    "endless_bodies": FLOOD,
    "unread_bodies": {"connections"},
    "control_streams": FLOOD,
    "descriptors": {"descriptors"},
}
"""What the log calls an attack; those that are not here go beyond no bound of the sockets."""

TEMPLATE = """
image: {image}
command: exec perl -e 'sleep 3600 while 1'
network_mode: none
working_dir: /
pids_limit: 100
mem_limit: 256m
memswap_limit: 256m
tmpfs: ["/tmp:size=16m,mode=1777"]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One that logs as it would in earnest."""
    config = {"log": {"level": "info", "format": "json"}}
    async with running_daemon(site, config=config) as running:
        running.write_template("bare", TEMPLATE.format(image=site.perl_base))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web(daemon: Daemon) -> AsyncIterator[WebServer]:
    """One for all attacks, as is the neighbour."""
    async with WebServer(daemon) as connected:
        yield connected


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def neighbour(web: WebServer) -> AsyncIterator[Wire]:
    """A session that lives beside all of them."""
    async with web.session(template="bare") as session:
        yield session


@asynccontextmanager
async def attacked(web: WebServer, name: str) -> AsyncIterator[Wire]:
    """A session that does so; it is forced away afterwards."""
    async with web.session(template="bare") as session:
        answer = await web.call(
            "POST", f"/v1/sessions/{session['id']}/exec", {"command": command(name)}
        )
        assert answer.status == 202, answer.text
        yield session


def rss_kb(daemon: Daemon) -> int:
    """What the daemon has in memory."""
    status = (Path("/proc") / str(pid_of(daemon)) / "status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line[:5] == "VmRSS")


def pid_of(daemon: Daemon) -> int:
    """Of its process."""
    assert daemon.process is not None
    return daemon.process.pid


def descriptors(daemon: Daemon) -> int:
    """How many it has open."""
    return len(list(Path(f"/proc/{pid_of(daemon)}/fd").iterdir()))


def noted(daemon: Daemon, session_id: str) -> list[dict[str, Any]]:
    """What the log says that this session has done."""
    return [
        line
        for line in daemon.logged()
        if line["event"] == "offence_noted" and line.get("session_id") == session_id
    ]


async def goes_on(web: WebServer, session_id: str) -> None:
    """Commands reach its agent, callbacks are acknowledged, and there is a picture."""
    for number in range(ROUNDS):
        wish = {"command": ["/bin/echo", str(number)], "wait": True}
        answer = await web.call("POST", f"/v1/sessions/{session_id}/exec", wish)
        assert (answer.status, answer.body["output"]) == (200, f"{number}\n"), answer.text
    await eventually(partial(is_seen, web, session_id), "the neighbour's display is seen")


async def is_seen(web: WebServer, session_id: str) -> bool:
    """Whether a viewer got a picture; of a host that is busy beside, the relay says: come again."""
    try:
        async with asyncio.timeout(LONG_SECONDS), viewing(web, session_id) as screen:
            await screen.refresh()
    except aiohttp.WSServerHandshakeError as refusal:
        if refusal.status != 504:
            raise
        return False
    return True


async def is_garbage(web: WebServer, session_id: str) -> bool:
    """Whether a screenshot failed; its agent and the attacker take turns at being told to dial."""
    async with web.http.get(f"/v1/sessions/{session_id}/screenshot") as answer:
        return answer.status >= 500


@pytest.mark.parametrize("name", ON_SOCKETS)
async def test_an_attack_on_the_sockets(
    web: WebServer, daemon: Daemon, neighbour: Wire, name: str
) -> None:
    """The neighbour goes on; memory, descriptors and log are bounded; who it was is in the log."""
    rss, lines = rss_kb(daemon), len(daemon.log_text.splitlines())
    most_open = 0
    async with attacked(web, name) as hostile:
        expected = OFFENCES.get(name)

        def is_named() -> bool:
            told = {line["offence"] for line in noted(daemon, hostile["id"])}
            return expected is None or bool(told & expected)

        await eventually(is_named, f"the log names who does {name}")
        if name == "false_displays":
            await eventually(
                partial(is_garbage, web, hostile["id"]), "a false display is found out"
            )
        await goes_on(web, neighbour["id"])
        most_open = max(most_open, descriptors(daemon))
        told = noted(daemon, hostile["id"])
        assert {line["user"] for line in told} <= {daemon.site.user}
        assert not noted(daemon, neighbour["id"])
        kinds = [line["offence"] for line in told]
        assert len(kinds) <= 3 * len(set(kinds)), "the log is flooded"
    assert rss_kb(daemon) - rss < RSS_GROWTH_KB
    assert most_open < DESCRIPTORS
    assert len(daemon.log_text.splitlines()) - lines < LOG_LINES


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - set(ON_SOCKETS)))
async def test_an_attack_on_the_host(web: WebServer, neighbour: Wire, name: str) -> None:
    """Processes, memory, disk and log stay within the container's limits; the neighbour goes on."""
    async with attacked(web, name) as hostile:
        limits = (await inspect(hostile["container_id"]))["HostConfig"]
        assert limits["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "2"}
        await goes_on(web, neighbour["id"])
        if (await web.get(hostile["id"]))["phase"] == "running":
            processes = await docker(
                "stats", "--no-stream", "--format", "{{.PIDs}}", hostile["container_id"]
            )
            assert int(processes or 0) <= limits["PidsLimit"]
