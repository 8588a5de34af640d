"""The configuration is read anew while sessions run and web servers and viewers are connected."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from supervisor.lifecycle.session import ClipboardPolicy
from tests.integration.test_clipboard import INWARD, OUTWARD, caught_up, exchanged, with_policy
from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import type_until, viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One whose configuration the test may spoil."""
    async with running_daemon(site, expected_errors={"configuration_refused"}) as running:
        yield running


def written(daemon: Daemon, **changes: Mapping[str, Any]) -> None:
    """Change sections of the file."""
    path = daemon.config / "supervisor.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def events(daemon: Daemon, *names: str) -> list[dict[str, Any]]:
    """Lines of the log with these events."""
    return [line for line in daemon.logged() if line["event"] in names]


async def reload(daemon: Daemon) -> dict[str, Any]:
    """Have it done; the line that tells how it went."""
    outcomes = ("configuration_reloaded", "configuration_refused")
    before = len(events(daemon, *outcomes))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    await eventually(lambda: len(events(daemon, *outcomes)) > before, "it has been reloaded")
    return events(daemon, *outcomes)[-1]


async def configuration(web: WebServer) -> dict[str, Any]:
    """What the node says of it."""
    found: dict[str, Any] = (await web.call("GET", "/v1/node")).body["configuration"]
    return found


async def test_nothing_is_dropped_and_the_new_limits_hold(
    web: WebServer, daemon: Daemon, scratch: Path
) -> None:
    """Agent, viewer and event stream stay connected; what needs a restart is named."""
    first = await configuration(web)
    async with web.session() as session, viewing(web, session["id"]) as screen:
        written(
            daemon,
            limits={"sessions_per_user": 1, "max_sessions": 7},
            policy={"images": ["other"]},
            identity={"min_uid": 500},
            engine={"host": "unix:///nowhere.sock", "relist_seconds": 30},
        )
        assert (await reload(daemon))["event"] == "configuration_reloaded"
        (kept,) = events(daemon, "configuration_kept")
        assert kept["keys"] == ["engine.host"]
        refused = await web.post_start()
        assert (refused.status, refused.body["code"]) == (403, "image_not_allowed")
        written(daemon, policy={}, engine={})
        await reload(daemon)
        refused = await web.post_start()
        assert (refused.status, refused.body["code"]) == (403, "quota_exceeded")
        node = (await web.call("GET", "/v1/node")).body
        assert node["capacity"]["max_sessions"] == 7
        assert node["configuration"]["loaded_at"] > first["loaded_at"]
        assert node["configuration"]["error"] is None

        # The same viewer, the same agent, the same stream of events.
        await type_until(screen, f"touch {scratch}/here", scratch / "here")
        phases = web.phases(session["id"])
        assert phases[-1] == "running"
        await web.call("PATCH", f"/v1/sessions/{session['id']}", {"name": "renamed"})
        await web.when(session["id"], lambda seen: seen["name"] == "renamed")
        assert (await web.get(session["id"]))["viewers"]["control"] == 1
    assert not web._following.done()


async def test_a_tightened_clipboard_holds_for_who_is_connected(
    web: WebServer, daemon: Daemon
) -> None:
    """Who is in control is told to come again, who only looks stays; sessions tell what holds."""
    async with (
        web.session(template=with_policy(daemon, ClipboardPolicy.BOTH)) as session,
        viewing(web, session["id"], mode="view") as guest,
    ):
        async with viewing(web, session["id"]) as screen:
            assert await exchanged(web, session["id"], screen) == {INWARD, OUTWARD}
            written(daemon, policy={"clipboard": "in"})
            await reload(daemon)
            async with asyncio.timeout(LONG_SECONDS):
                await screen.wait_closed()
        await web.when(session["id"], lambda seen: seen["clipboard"] == "in")
        async with viewing(web, session["id"]) as screen:
            assert await exchanged(web, session["id"], screen) == {INWARD}
            await caught_up(web, session["id"], guest)


async def test_a_broken_file_changes_nothing(web: WebServer, daemon: Daemon) -> None:
    """Every fault is told at its place, also by the node; and then it is mended."""
    path = daemon.config / "supervisor.yaml"
    good = path.read_text()
    written(daemon, limits={"sessions_per_user": 1})
    await reload(daemon)
    first = await configuration(web)
    for broken, place in (
        ("limits: {sessions_per_user: 9}\nlog:\n  level: loud\n", ":3:3: log.level: "),
        ("limits: {\n", ":2:1: "),
        (good[:-1] + ', "relay": {"web": {"allow_users": ["no-such-user"]}}}', "no-such-user"),
        (good[:-1] + ', "agent": {"bundle": "/nonexistent"}}', "/nonexistent"),
    ):
        path.write_text(broken)
        refused = await reload(daemon)
        assert refused["event"] == "configuration_refused"
        assert refused["level"] == "error"
        assert any(place in fault for fault in refused["faults"]), refused
        found = await configuration(web)
        assert place in found["error"]
        assert found["loaded_at"] == first["loaded_at"]
        assert (await web.call("GET", "/readyz")).status == 200
        async with web.session():
            assert (await web.post_start()).body["code"] == "quota_exceeded"
    path.write_text(good)
    await reload(daemon)
    assert (await configuration(web))["error"] is None
    async with web.session(), web.session():
        pass


async def test_a_broken_template_fails_its_own_starts_alone(web: WebServer, daemon: Daemon) -> None:
    """What was started from it runs on, also in the daemon's next life."""
    sample = f"image: {daemon.site.sample}\ncommand: xterm\nworking_dir: /tmp\n"
    path = daemon.write_template("own", sample)
    daemon.write_template("other", sample)
    session_id = await web.start(template="own")
    await web.until(session_id, "running")
    path.write_text(sample + "privileged: perhaps\nmem_limitt: 1g\n")
    await reload(daemon)
    await eventually(lambda: len(events(daemon, "template_refused")) > 1, "faults are logged")
    told = [line["fault"] for line in events(daemon, "template_refused")]
    places = [f"{path}:4:13: privileged: ", f"{path}:5:1: mem_limitt: "]
    assert [any(fault.startswith(place) for fault in told) for place in places] == [True, True]
    refused = await web.post_start(template="own")
    assert (refused.status, refused.body["code"]) == (422, "template_invalid")
    assert all(place in refused.body["detail"] for place in places)
    assert (await configuration(web))["templates_refused"] == told
    names = {each["name"] for each in (await web.call("GET", "/v1/templates")).body["templates"]}
    assert {"docker", "other"} <= names
    assert "own" not in names
    async with web.session(template="other"):
        pass
    await daemon.stop()
    await daemon.start()
    await until_ready(daemon)
    async with WebServer(daemon) as again:
        assert (await again.until(session_id, "running"))["template"] == "own"
        assert len(events(daemon, "template_refused")) == 2 * len(told)
        await again.terminate(session_id)
