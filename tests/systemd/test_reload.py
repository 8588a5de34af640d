"""``systemctl reload``: new configuration under what runs and is connected."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.installation import CONFIG, SETTINGS, USER
from tests.support.machine import UNIT, CommandFailedError, Machine
from tests.systemd.acts import container, main_pid, running_session, until_seen_again
from tests.systemd.web import events, viewing, web_server

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

LIMITED = f"{SETTINGS}limits: {{sessions_per_user: 1}}\n"


async def reload(machine: Machine, config: str) -> str:
    """Have the configuration read anew; since when, for the journal."""
    since = (await machine.run("date", "+%s.%N")).strip()
    await machine.write(CONFIG, config)
    await machine.run("systemctl", "reload", UNIT)

    async def done() -> bool:
        # The line, not the word: systemd's own lines are in between.
        told = await machine.journal("-o", "cat", "--since", f"@{since}")
        return '"configuration_re' in told

    await eventually(done, "it has been reloaded")
    return since


async def test_nothing_is_dropped_and_the_new_limits_hold(service: Machine) -> None:
    """The same process, viewer, event stream and container; the next start meets the limit."""
    session_id = await running_session(service)
    before, pid = await container(service), await main_pid(service)
    async with (
        web_server(service) as http,
        viewing(http, session_id) as screen,
        events(http) as told,
    ):
        await reload(service, LIMITED)
        with pytest.raises(CommandFailedError, match=r"quota_exceeded|limit"):
            await service.run("fxctl", "start", "--user", USER)
        async with asyncio.timeout(LONG_SECONDS):
            await screen.refresh()
            await screen.wait_until(lambda: screen.image().getbbox() is not None)
            await http.patch(f"/v1/sessions/{session_id}", json={"name": "renamed"})
            async for event in told:
                if event["event"] == "update" and event["data"]["name"] == "renamed":
                    break
            else:
                pytest.fail("the event stream was cut off")
    assert await main_pid(service) == pid
    assert await container(service) == before
    await until_seen_again(service, session_id)
    await reload(service, SETTINGS)


async def test_a_broken_file_changes_nothing_and_is_told(service: Machine) -> None:
    """Where an administrator looks: the status, and the journal with the fault's place."""
    pid = await main_pid(service)
    await reload(service, LIMITED)
    await running_session(service)
    since = await reload(service, "limits:\n  sessions_per_user: 9\n  max_sesions: 3\n")
    fault = f"{CONFIG}:3:3: limits.max_sesions"

    async def said() -> bool:
        return fault in await service.run("systemctl", "status", "--lines", "0", UNIT)

    await eventually(said, "the status says so")
    logged = await service.journal("-p", "err", "-o", "cat", "--since", f"@{since}")
    assert fault in json.loads(logged.strip().splitlines()[-1])["faults"][0]
    assert (await service.properties())["ActiveState"] == "active"
    with pytest.raises(CommandFailedError, match=r"quota_exceeded|limit"):
        await service.run("fxctl", "start", "--user", USER)
    await reload(service, SETTINGS)

    async def withdrawn() -> bool:
        return fault not in (await service.properties())["StatusText"]

    await eventually(withdrawn, "the status says so no longer")
    assert await main_pid(service) == pid
