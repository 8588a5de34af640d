"""One session with nothing but a user's name, from its start to its end and beyond."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import aiohttp
import pytest

from tests.support.daemon import Daemon
from tests.support.engine import LABEL, containers, inspect, run_in
from tests.support.eventually import LONG_SECONDS, eventually
from tests.support.viewing import type_line, type_until, viewing, wait_for_window
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

NO_NEW_PRIVILEGES = "no-new-privileges:true"


async def test_it_goes_through_its_phases_and_leaves_nothing(
    web: WebServer, daemon: Daemon
) -> None:
    """The stream tells each phase once and in order; after the end only the record is left."""
    session_id = await web.start()
    running = await web.until(session_id, "running")
    daemon.token(session_id)
    unused = await web.ticket(session_id)
    assert await containers("session", session_id) == [running["container_id"]]

    ended = await web.terminate(session_id)

    phases = ["pending", "starting", "running", "terminating", "ended"]
    assert web.phases(session_id) == phases
    assert ended["reason"] == "Terminated"
    assert ended["message"]
    times = [running["created_at"], running["started_at"], running["ready_at"], ended["ended_at"]]
    assert times == sorted(times)
    assert await containers("session", session_id) == []
    await eventually(lambda: not daemon.session_files(session_id).exists(), "its files are gone")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await web.http.ws_connect(f"/v1/sessions/{session_id}/display?ticket={unused}")
    assert refused.value.status == 401
    assert (await web.get(session_id))["phase"] == "ended"


async def test_its_container_has_an_owner_and_no_privileges(web: WebServer, daemon: Daemon) -> None:
    """Labels of the contract, the user's own ids, no capability, and nothing writable but HOME."""
    async with web.session() as session:
        container = session["container_id"]
        seen = await inspect(container)
        secret = daemon.token(session["id"])
        status = await run_in(container, "cat", "/proc/self/status")

    account = daemon.site.account
    labels = seen["Config"]["Labels"]
    assert len(labels[f"{LABEL}.spec-hash"]) == 64
    told = {
        "owner": daemon.owner,
        "session": session["id"],
        "user": account.pw_name,
        "template": "docker",
        "generation": "1",
    }
    assert {word: labels[f"{LABEL}.{word}"] for word in told} == told
    assert seen["Config"]["User"] == f"{account.pw_uid}:{account.pw_gid}"
    host = seen["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
    assert host["SecurityOpt"] == [NO_NEW_PRIVILEGES]
    assert (host["AutoRemove"], host["Init"]) == (True, True)
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["NoNewPrivs"] == "1"
    assert {int(facts[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0}
    assert secret not in json.dumps(seen)


async def test_it_sees_of_the_host_what_it_must(web: WebServer, daemon: Daemon) -> None:
    """HOME is the one writable mount; agent, bundle, relay and session files are read-only."""
    manifest = json.loads((daemon.site.bundle / "bundle.json").read_text())
    fixed = {entry["target"] for entry in manifest["mounts"]}
    ours = {
        *("/opt/fastx/agent", "/opt/fastx/bundle", "/run/fastx/relay"),
        *("/run/fastx/session/session.json", "/etc/passwd", "/etc/group"),
    }
    home = str(daemon.site.home)
    async with web.session() as session:
        mounts = (await inspect(session["container_id"]))["Mounts"]
        attempts = await run_in(
            session["container_id"],
            "/bin/sh",
            "-c",
            'for each; do (touch "$each/x"); (: >>"$each"); done 2>/dev/null; echo done',
            "sh",
            *sorted(ours | fixed),
        )
        tampered = [
            path
            for path in (daemon.run / "relay", daemon.site.bundle, daemon.site.bundle / "bin")
            if (path / "x").exists()
        ]
    assert attempts == "done"
    assert tampered == []
    assert {mount["Destination"]: mount["RW"] for mount in mounts} == {
        home: True,
        **dict.fromkeys(ours | fixed, False),
    }


async def test_it_is_the_users_own_place(web: WebServer, daemon: Daemon, scratch: Path) -> None:
    """The user's name, ids, home and display are what the user's programs find; no token is."""
    account = daemon.site.account
    listing = scratch / "environment"
    async with web.session() as session:
        container = session["container_id"]
        told = await run_in(
            container, "/bin/sh", "-c", "id -u; id -g; whoami; echo ~; echo $HOME; pwd"
        )
        async with viewing(web, session["id"]) as screen:
            await wait_for_window(screen)
            line = f"cd {shlex.quote(str(scratch))} && env -0 >new && mv new environment"
            await type_until(screen, line, listing)
        variables = dict(entry.split("=", 1) for entry in listing.read_text().split("\0") if entry)
        cookie = await run_in(container, "stat", "-c", "%u %a", variables["XAUTHORITY"])
        runtime = await run_in(container, "stat", "-c", "%u %a", variables["XDG_RUNTIME_DIR"])
        token = daemon.token(session["id"])

    home, uid = str(daemon.site.home), str(account.pw_uid)
    ids = [uid, str(account.pw_gid), account.pw_name]
    assert told.splitlines() == [*ids, home, home, home]
    assert variables["HOME"] == home
    assert variables["USER"] == variables["LOGNAME"] == account.pw_name
    assert variables["DISPLAY"].startswith(":")
    assert variables["XDG_RUNTIME_DIR"] == f"/run/user/{uid}"
    assert (cookie, runtime) == (f"{uid} 600", f"{uid} 700")
    assert token not in listing.read_text()
    assert listing.stat().st_uid == account.pw_uid


async def test_it_reports_what_it_uses(web: WebServer) -> None:
    """Heartbeats carry memory, CPU time and processes of the container."""

    def used(seen: Wire) -> bool:
        usage = seen["usage"]
        return all(usage[word] > 0 for word in ("memory_bytes", "processes", "cpu_seconds"))

    async with web.session() as session:
        seen = await web.when(session["id"], used)
        assert seen["last_seen_at"] >= session["ready_at"]
        assert seen["usage"]["memory_bytes"] < 1 << 30


async def test_who_may_only_view_cannot_type(web: WebServer, scratch: Path) -> None:
    """Keys of a view-only viewer never reach the session; those of one in control do."""
    forbidden, allowed = scratch / "forbidden", scratch / "allowed"
    async with (
        web.session() as session,
        viewing(web, session["id"]) as controlling,
        viewing(web, session["id"], mode="view") as watching,
    ):
        await wait_for_window(watching)
        counted = await web.when(
            session["id"], lambda seen: seen["viewers"] == {"control": 1, "view": 1}
        )
        await type_line(watching, f"touch {forbidden}")
        await type_until(controlling, f"touch {allowed}", allowed)
    assert counted["phase"] == "running"
    assert not forbidden.exists()


async def test_viewers_are_put_out_on_request(web: WebServer) -> None:
    """``disconnect`` closes every display and leaves the session running, to be connected again."""
    async with web.session() as session:
        path = f"/v1/sessions/{session['id']}"
        ticket = await web.ticket(session["id"])
        async with web.http.ws_connect(f"{path}/display?ticket={ticket}") as socket:
            closing = asyncio.create_task(close_code(socket))
            answer = await web.call("POST", f"{path}/disconnect")
            assert await closing == 4000
        assert answer.body["viewers"] == {"control": 0, "view": 0}
        async with viewing(web, session["id"]) as screen:
            await wait_for_window(screen)


async def test_its_log_lines_name_it(web: WebServer, daemon: Daemon) -> None:
    """Each step of a session's life is one JSON line with its id (and never with a secret)."""
    async with web.session() as session:
        pass
    lines = [line for line in daemon.logged() if line.get("session_id") == session["id"]]
    events = [line["event"] for line in lines]
    for expected in ("session_accepted", "container_started", "agent_started", "session_purged"):
        assert expected in events
    changes = [line["phase"] for line in lines if line["event"] == "session_phase_changed"]
    assert changes[:2] == ["starting", "running"]
    assert all(line["timestamp"] and line["level"] for line in lines)


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read on to the end of a viewer's connection; how it was closed."""
    async with asyncio.timeout(LONG_SECONDS):
        async for _message in socket:
            pass
    return socket.close_code


async def test_it_can_end_with_its_last_window(web: WebServer, daemon: Daemon) -> None:
    """By its template's word: a command that leaves its program behind ends nothing."""
    path = daemon.write_template(
        "windows",
        f"image: {daemon.site.sample}\nworking_dir: /\nsession: {{end: windows}}\n"
        "command: xterm -e 'until [ -e /tmp/close ]; do sleep 0.1; done' &\n",
    )
    try:
        async with web.session(template="windows", command=None) as session:
            async with viewing(web, session["id"]) as screen:
                await wait_for_window(screen)
            assert (await web.get(session["id"]))["phase"] == "running"
            await run_in(session["container_id"], "touch", "/tmp/close")
            ended = await web.until(session["id"], "ended")
            assert (ended["reason"], ended["exit_code"]) == ("CommandExited", 0)
    finally:
        path.unlink()
