"""Two sessions cannot reach each other's display: no socket, no cookie, no namespace.

Also where an administrator has them share the host's network, its IPC namespace, HOME and /tmp. The
neighbour is another session of the same user, or a container of somebody else with all that a
session's container has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.test_exec import execute
from tests.support.daemon import Daemon, running_daemon
from tests.support.engine import docker
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

ALLOW = ["host_network", "host_ipc", "user_sources"]
CONFIG = {"policy": {"allow": ALLOW, "images": ["fx-sample"]}}
SHARED = "network_mode: host", "ipc: host"
STRANGER = "4321:4321"
PROBE = Path(__file__).parent.parent / "support" / "probe.py"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One whose policy lets templates share what can be shared."""
    async with running_daemon(site, config=CONFIG) as running:
        yield running


@pytest.fixture
def template(daemon: Daemon, scratch: Path) -> str:
    """Sessions that share network, IPC, HOME and /tmp."""
    shared_tmp = scratch / "tmp"
    shared_tmp.mkdir()
    shared_tmp.chmod(0o1777)
    scratch.chmod(0o711)
    volumes = f"volumes: ['${{user.home}}:${{user.home}}', '{shared_tmp}:/tmp']"
    lines = (f"image: {daemon.site.sample}", "command: xterm", volumes, *SHARED)
    daemon.write_template("shared", "\n".join(lines) + "\n")
    return "shared"


async def said(web: WebServer, session: Wire, command: str) -> str:
    """What a program of the session prints."""
    answer = await execute(web, session["id"], command)
    assert answer.status == 200, answer.text
    output: str = answer.body["output"]
    return output


async def probe(container: str, uid: int, display: int) -> dict[str, Any]:
    """What is in reach from inside."""
    script = PROBE.read_text()
    output = await docker("exec", container, "python3", "-c", script, str(uid), str(display))
    found: dict[str, Any] = json.loads(output)
    return found


@asynccontextmanager
async def stranger(daemon: Daemon, tmp: Path) -> AsyncIterator[str]:
    """Somebody else's container, in the same namespaces, with the same relay and /tmp."""
    container = await docker(
        *("run", "--detach", "--rm", f"--user={STRANGER}", "--network=host", "--ipc=host"),
        *(f"--volume={daemon.run}/relay:/run/fastx/relay:ro", f"--volume={tmp}:/tmp"),
        *("--security-opt=no-new-privileges", daemon.site.sample, "sleep", "600"),
    )
    try:
        yield container.strip()
    finally:
        await docker("rm", "-f", container.strip())


def require_nothing(found: dict[str, Any]) -> None:
    """No way to somebody's display."""
    assert found["listening"] == [], "a session's program listens on the host's network"
    assert found["tcp"] == []
    assert found["abstract"] == []
    assert found["abstract_answers"] is False
    open_to_others = [row for row in found["shared_memory"] if int(row[2], 8) & 0o77]
    assert open_to_others == [], "shared memory that others can read"


async def test_two_sessions_of_one_user(web: WebServer, daemon: Daemon, template: str) -> None:
    """With the same HOME, /tmp, network and IPC: not the other's socket, cookie or processes."""
    uid = daemon.site.account.pw_uid
    async with (
        web.session(template=template) as one,
        web.session(template=template) as other,
    ):
        await execute(web, one["id"], "xclock & exec glxgears", wait=False)

        async def painting() -> bool:
            return "glxgears" in (await probe(one["container_id"], uid, 0))["programs"]

        async def shown() -> bool:
            return "xclock" in await said(web, one, "xwininfo -root -tree")

        await eventually(painting, "programs of the first run")
        await eventually(shown, "a window of the first")
        display = int((await said(web, one, "echo $DISPLAY")).strip().lstrip(":"))
        found = await probe(other["container_id"], uid, display)
        require_nothing(found)
        own = (await said(web, other, "echo $DISPLAY")).strip().lstrip(":")
        assert found["sockets"] == [f"X{own}"]
        assert found["programs"].count("Xtigervnc") == 1
        assert "glxgears" not in found["programs"]
        cookies = [
            (await said(web, each, "od -An -v -tx1 $XAUTHORITY | tr -d ' \\n'"))
            for each in (one, other)
        ]
        assert cookies[0][-32:] != cookies[1][-32:]
        assert all(len(cookie) > 32 for cookie in cookies)
        await require_no_cookie_in(web, other, cookies[0][-32:])
        windows = await said(web, other, "xlsclients -l; xwininfo -root -tree")
        assert "xclock" not in windows


async def require_no_cookie_in(web: WebServer, session: Wire, cookie: str) -> None:
    """In nothing that the session shares: HOME and /tmp."""
    script = (
        "import os,sys\n"
        f"cookie=bytes.fromhex('{cookie}')\n"
        "for top in (os.environ['HOME'],'/tmp'):\n"
        "  for at,_,files in os.walk(top):\n"
        "    for name in files:\n"
        "      p=os.path.join(at,name)\n"
        "      if os.path.isfile(p) and os.path.getsize(p)<1<<20 and cookie in open(p,'rb').read():"
        " print(p)\n"
        "print('looked')\n"
    )
    answer = await execute(web, session["id"], ["python3", "-c", script])
    assert answer.body == {"exit_code": 0, "output": "looked\n"}


async def test_a_session_and_somebody_else(
    web: WebServer, daemon: Daemon, template: str, scratch: Path
) -> None:
    """From a container of another user: nothing to connect to, and the relay's files stand."""
    uid = daemon.site.account.pw_uid
    async with (
        web.session(template=template) as session,
        stranger(daemon, scratch / "tmp") as outside,
    ):
        await execute(web, session["id"], "glxgears", wait=False)

        async def painting() -> bool:
            return "glxgears" in (await probe(session["container_id"], uid, 0))["programs"]

        await eventually(painting, "it paints")
        found = await probe(outside, uid, 0)
        require_nothing(found)
        assert found["sockets"] == []
        assert "Xtigervnc" not in found["programs"]
        for change in ("touch /run/fastx/relay/x", "rm -f /run/fastx/relay/session.sock"):
            refused = await docker("exec", outside, "sh", "-c", f"{change} 2>&1 || echo refused")
            assert "Read-only" in refused
            assert "refused" in refused
        assert await refusal(outside, "made-up", "made-up") == "ERROR unauthorized"


async def test_a_session_cannot_take_anothers_display_stream(
    web: WebServer, daemon: Daemon
) -> None:
    """The relay asks one session for a display; another knows its name, and is refused it."""
    async with web.session() as asked, web.session() as other:
        await docker("pause", asked["container_id"])
        try:
            wish = {"mode": "control"}
            ticket = (await web.call("POST", f"/v1/sessions/{asked['id']}/tickets", wish)).body[
                "ticket"
            ]
            daemon.secrets.add(ticket)
            own = daemon.token(other["id"])
            assert await refusal(other["container_id"], own, "any") == "ERROR unknown_stream"
            wrong = own[:-1] + ("A" if own[-1] != "A" else "B")
            assert await refusal(other["container_id"], wrong, "any") == "ERROR unauthorized"
        finally:
            await docker("unpause", asked["container_id"])


async def refusal(container: str, token: str, stream: str) -> str:
    """What the display socket answers to somebody inside who says this."""
    script = (
        "import socket,sys\n"
        "s=socket.socket(socket.AF_UNIX); s.connect('/run/fastx/relay/display.sock')\n"
        "s.sendall(sys.stdin.buffer.readline()); print(s.recv(100).decode().strip())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *("docker", "exec", "-i", container, "python3", "-c", script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate(f"FASTX-DISPLAY/1 {token} {stream}\n".encode())
    return output.decode().strip()


async def test_the_x_server_asks_everybody_for_the_cookie(web: WebServer) -> None:
    """No host or user is let in without, no other cookie helps, and its directory is private."""
    async with web.session() as session:
        allowed = await said(web, session, "xhost")
        nothing = await said(web, session, "XAUTHORITY=/dev/null xdpyinfo 2>&1 | head -2")
        guessed = await said(
            web,
            session,
            "head -c $(($(stat -c %s $XAUTHORITY) - 16)) $XAUTHORITY > /tmp/guess && "
            "head -c 16 /dev/zero >> /tmp/guess && XAUTHORITY=/tmp/guess xdpyinfo 2>&1 | head -2",
        )
        modes = await said(web, session, 'cd "$XDG_RUNTIME_DIR" && stat -c "%a %n" . fastx fastx/*')
        server = await said(
            web,
            session,
            "tr '\\0' ' ' < /proc/$(pgrep -o Xtigervnc || "
            "grep -l Xtigervnc /proc/[0-9]*/comm | head -1 | cut -d/ -f3)/cmdline",
        )
    assert allowed.strip() == "access control enabled, only authorized clients can connect"
    assert "Authorization required" in nothing
    assert "Invalid MIT-MAGIC-COOKIE-1" in guessed
    assert set(modes.split("\n")) == {
        "700 .",
        "700 fastx",
        "600 fastx/Xauthority",
        "600 fastx/rfb.sock",
        "700 fastx/window-manager",
        "",
    }
    assert "-query" not in server
    assert "-nolisten tcp -nolisten local" in server
