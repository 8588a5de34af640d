"""What a monitor and an auditor are told of a real daemon, against what was done with it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.eventually import eventually
from tests.support.scraping import samples
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

DOCS = Path(__file__).parents[2] / "docs"
STAGES = ("queue", "image", "container", "agent")


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def scrape(port: int) -> dict[str, float]:
    """What Prometheus would get."""
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 200
        return samples(await answer.read())


async def test_metrics_are_what_happened(site: Surroundings) -> None:
    """Launches that got there and one that did not, a viewer, a wrong path: by TCP, unasked."""
    port = free_port()
    async with (
        running_daemon(site, config={"relay": {"metrics": {"port": port}}}) as daemon,
        WebServer(daemon) as web,
    ):
        before = await scrape(port)
        assert (before["engine_up"], before["ready"]) == (1, 1)
        assert before['sessions{phase="running"}'] == 0
        assert before['stream_readers{stream="events"}'] == 1

        daemon.write_template("nowhere", "image: fx-none:here\npull_policy: never\n")
        refused = await web.post_start(template="of-mine")
        failed = await web.ending_of(template="nowhere", command="xterm")
        async with web.session(command="xterm") as session, web.session(command="xterm"):
            async with viewing(web, session["id"]) as screen:
                await wait_for_window(screen)
                during = await scrape(port)
            await web.call("GET", f"/nonsense/{session['id']}")
        await eventually(lambda: _left(daemon), "both sessions are gone")
        after = await scrape(port)

    assert refused.status == 404
    assert failed["reason"] == "ImageNotFound"
    assert during['sessions{phase="running"}'] == 2
    assert during['viewers{mode="control"}'] == 1
    assert during["agents_connected"] == 2
    assert during['display_bytes_total{direction="to_viewer"}'] > 10_000
    assert during['display_bytes_total{direction="to_agent"}'] > 0
    assert after['viewers{mode="control"}'] == 0
    assert after['launches_total{outcome="Ready"}'] == 2
    assert after['launches_total{outcome="ImageNotFound"}'] == 1
    assert after['launches_refused_total{code="template_not_found"}'] == 1
    for stage in STAGES:
        count = after[f'launch_stage_duration_seconds_count{{stage="{stage}"}}']
        assert count == (3 if stage == "queue" else 2), stage
    assert after['engine_call_duration_seconds_count{call="launch"}'] == 2
    assert after["engine_event_streams_total"] == 1
    assert after["engine_event_delay_seconds_count"] >= 4
    assert after["store_commit_duration_seconds_count"] > 10
    starts = 'listener="web",method="POST",route="/v1/sessions",status='
    assert after[f'http_requests_total{{{starts}"202"}}'] == 3
    assert after[f'http_requests_total{{{starts}"404"}}'] == 1
    unmatched = 'listener="web",method="GET",route="unmatched",status="404"'
    assert after[f"http_requests_total{{{unmatched}}}"] == 1
    assert after["process_open_fds"] > 0
    assert not [name for name in after if session["id"] in name or site.user in name]


async def test_the_open_port_tells_nothing_else(site: Surroundings) -> None:
    """Health and metrics; of sessions nothing, to nobody."""
    port = free_port()
    async with (
        running_daemon(site, config={"relay": {"metrics": {"port": port}}}),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        for path, status in {"/healthz": 200, "/readyz": 200, "/v1/sessions": 404}.items():
            async with http.get(path) as answer:
                assert answer.status == status, path
        async with http.post("/v1/sessions", json={"user": site.user}) as answer:
            assert answer.status == 404


async def test_the_audit_file_tells_a_sessions_story(site: Surroundings) -> None:
    """Who did what, line by line, as the schema has it; and nothing secret."""
    async with running_daemon(site) as daemon:
        path = daemon.local / "audit.log"
        await _move_audit_to(daemon, path)
        async with WebServer(daemon) as web:
            session_id = await web.start(command="xterm")
            await web.until(session_id, "running")
            secret = await web.ticket(session_id, guest="Bob")
            async with viewing(web, session_id, secret) as screen:
                await wait_for_window(screen)
            command = {"command": ["sh", "-c", 'true "\n{}"'], "wait": True}
            assert (
                await web.call("POST", f"/v1/sessions/{session_id}/exec", command)
            ).status == 200
            async with web.http.get(f"/v1/sessions/{session_id}/screenshot") as answer:
                assert answer.status == 200
            assert (await web.post_start(user="root")).status >= 400
            await web.terminate(session_id)
        assert await daemon.stop() == 0
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert path.stat().st_mode & 0o777 == 0o600
        assert secret not in path.read_text()
        assert "act_recorded" not in _newest_life(daemon)

    schema = json.loads((DOCS / "schema" / "audit.json").read_text())
    for line in lines:
        jsonschema.validate(line, schema)
    story = [(line["action"], line["outcome"]) for line in lines]
    expected = [
        ("daemon.start", "done"),
        ("session.launch", "done"),
        ("ticket.issue", "done"),
        ("viewer.connect", "done"),
        ("viewer.disconnect", "done"),
        ("session.exec", "done"),
        ("screenshot.take", "done"),
        ("session.launch", "refused"),
        ("session.terminate", "done"),
        ("session.end", "done"),
        ("daemon.stop", "done"),
    ]
    # A viewer has left when its connection is closed, which may be seen a moment later.
    assert sorted(story) == sorted(expected)
    by_action: dict[str, dict[str, Any]] = {each["action"]: each for each in reversed(lines)}
    assert by_action["session.launch"]["user"] == site.user
    assert by_action["session.launch"]["session_id"] == session_id
    assert by_action["session.launch"]["details"]["command"] == "xterm"
    assert by_action["session.exec"]["details"]["command"] == command["command"]
    assert by_action["viewer.connect"]["actor"]["guest"] == "Bob"
    admission = by_action["ticket.issue"]["details"]["admission"]
    assert by_action["viewer.connect"]["actor"]["admission"] == admission
    assert by_action["session.end"]["details"]["reason"] == "Terminated"
    assert by_action["session.end"]["actor"] == {"kind": "system"}


async def test_an_audit_file_that_cannot_be_written_stops_nothing(site: Surroundings) -> None:
    """It is said, and counted; sessions are started as ever."""
    port = free_port()
    config = {
        "relay": {"metrics": {"port": port}},
        "audit": {"path": "/proc/nowhere/audit.log"},
    }
    errors = ["audit_records_lost"]
    async with running_daemon(site, config=config, expected_errors=errors) as daemon:
        async with WebServer(daemon) as web, web.session(command="xterm"):
            found = await scrape(port)
        assert found["audit_records_lost_total"] >= 2
        assert found["audit_records_total"] == 0
        assert "audit_records_lost" in daemon.log_text


async def _move_audit_to(daemon: Daemon, path: Path) -> None:
    """Begin another life that records there."""
    config = daemon.config / "supervisor.yaml"
    document = json.loads(config.read_text())
    config.write_text(json.dumps({**document, "audit": {"path": str(path)}}))
    await daemon.stop()
    await daemon.start()
    await until_ready(daemon)


async def _sampled(port: int) -> bool:
    """Once a second; all else can happen within one."""
    return (await scrape(port))["event_loop_lag_seconds_count"] >= 1


def _left(daemon: Daemon) -> bool:
    return not list((daemon.run / "sessions").iterdir())


def _newest_life(daemon: Daemon) -> str:
    return daemon.log_text.rpartition("supervisor_started")[2]
