"""Where secrets are, and where they are not: tokens, tickets, cookies, keys, passwords.

One real session under debug logging; everything that somebody else can look at is searched for
every secret, in the forms it goes by.
"""

from __future__ import annotations

import base64
import json
import os
import pwd
import secrets
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.test_exec import execute
from tests.support.daemon import DAEMON_USER, Daemon, installed_daemon, until_ready
from tests.support.engine import docker
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

KEY = base64.b64encode(secrets.token_bytes(32)).decode()
PASSWORD = secrets.token_urlsafe(24)

ALL_PROCESSES = r"""
import glob
for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
    try:
        print(path, open(path, 'rb').read())
    except OSError:
        pass
print('looked')
"""


def entrust(daemon: Daemon) -> None:
    """Give it a webhook's key and a registry's password, as an administrator does."""
    key = daemon.config / "webhook-secret"
    key.write_text(f"whsec_{KEY}\n")
    login = daemon.local / ".docker" / "config.json"
    login.parent.mkdir(mode=0o700)
    auth = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
    login.write_text(json.dumps({"auths": {"registry.invalid:5000": {"auth": auth}}}))
    account = pwd.getpwnam(DAEMON_USER)
    for path, mode in ((key, 0o400), (login, 0o600), (login.parent, 0o700)):
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, account.pw_uid, account.pw_gid)
    file = daemon.config / "supervisor.yaml"
    document = json.loads(file.read_text())
    hook = {"url": "http://127.0.0.1:9/hook", "secret_files": [str(key)]}
    file.write_text(json.dumps(document | {"relay": {"webhook": hook}}))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One that has secrets to keep, and logs all it can."""
    async with installed_daemon(site) as made:
        entrust(made)
        await made.start()
        await until_ready(made)
        yield made


def spellings(secret: str) -> list[bytes]:
    """The forms in which a secret can be told on."""
    content = secret.encode()
    return [content, content.hex().encode(), base64.b64encode(content)]


def places(secret: bytes, shown: Mapping[str, bytes]) -> list[str]:
    """Where it is to be read."""
    return sorted(place for place, content in shown.items() if secret in content)


def files_of(daemon: Daemon) -> dict[str, bytes]:
    """Every file of its directories, the store's journal among them."""
    return {
        str(path.relative_to(daemon.directory)): path.read_bytes()
        for path in daemon.directory.rglob("*")
        if path.is_file()
    }


async def refusals(web: WebServer, daemon: Daemon, session_id: str, token: str, ticket: str) -> str:
    """What callers are told who offer a secret in the wrong place."""
    display = f"display?ticket={ticket}"
    paths = (f"/v1/sessions/{session_id}/{display}", f"/v1/sessions/{'0' * 26}/{display}")
    told = [(await web.call("GET", path)).text for path in paths]
    connector = aiohttp.UnixConnector(str(daemon.run / "relay" / "session.sock"))
    async with aiohttp.ClientSession("http://fx", connector=connector) as agent:
        for scheme, status in (("Bearer", 400), ("Basic", 401)):
            headers = {"Authorization": f"{scheme} {token}"}
            async with agent.post("/v1/callbacks", headers=headers, data="{") as answer:
                told.append(await answer.text())
                assert answer.status == status, told
    return "\n".join(told)


async def test_no_secret_is_where_it_does_not_belong(web: WebServer, daemon: Daemon) -> None:
    """Engine, processes, store, logs, answers and files, while the session lives."""
    async with web.session() as session:
        session_id, container = session["id"], session["container_id"]
        token, ticket, used = (
            daemon.token(session_id),
            await web.ticket(session_id, uses=3),
            await web.ticket(session_id),
        )
        async with viewing(web, session_id, used):
            pass
        failing = await web.start(template="docker", command="true")
        cookie = (await execute(web, session_id, "tail -c 16 $XAUTHORITY | base64")).body["output"]
        key = base64.b64decode(cookie)
        assert len(key) == 16
        inside = await docker("exec", "-u", "0", container, "python3", "-c", ALL_PROCESSES)
        assert "looked" in inside
        assert daemon.process is not None
        own = Path(f"/proc/{daemon.process.pid}")
        elsewhere = {
            "docker inspect": (await docker("inspect", container)).encode(),
            "docker logs": (await docker("logs", container)).encode(),
            "processes of the container": inside.encode(),
            "environment of programs": (await execute(web, session_id, "env")).text.encode(),
            "the daemon's command line": (own / "cmdline").read_bytes(),
            "the daemon's environment": (own / "environ").read_bytes(),
            "answers": (
                await refusals(web, daemon, session_id, token, ticket)
                + (await web.call("GET", "/v1/sessions")).text
                + (await web.call("GET", "/v1/node")).text
                + (await web.call("GET", "/metrics")).text
            ).encode(),
        }
        shown = elsewhere | files_of(daemon)
        require_modes(daemon, session_id)
        await web.until(failing, "ended")
    belongs = {
        token: [f"run/sessions/{session_id}/session.json"],
        ticket: [],
        used: [],
        KEY: ["etc/webhook-secret"],
        # Inside "robot:...", which is what base64 is made of there.
        PASSWORD: ["local/.docker/config.json"],
    }
    for secret, allowed in belongs.items():
        for spelling in spellings(secret):
            assert set(places(spelling, shown)) <= set(allowed), secret
    assert places(token.encode(), shown) == belongs[token], "the search finds what is there"
    auth = base64.b64encode(f"robot:{PASSWORD}".encode())
    assert places(auth, shown) == ["local/.docker/config.json"]
    assert places(key, shown) == []
    assert places(key.hex().encode(), shown) == []


def require_modes(daemon: Daemon, session_id: str) -> None:
    """Exactly these, for everything that the daemon has made."""
    ours = f"run/sessions/{session_id}"
    expected = {
        "run/web.sock": 0o666,
        "run/viewer.sock": 0o666,
        "run/instance-id": 0o600,
        "run/lock": 0o600,
        "run/relay": 0o755,
        "run/relay/session.sock": 0o666,
        "run/relay/display.sock": 0o666,
        # Nobody but the session can list the name that it takes to find its own.
        "run/relay/displays": 0o711,
        "run/relay/displays/NAME": 0o666,
        "run/sessions": 0o700,
        ours: 0o755,
        f"{ours}/session.json": 0o644,
        f"{ours}/passwd": 0o644,
        f"{ours}/group": 0o644,
        f"{ours}/record.json": 0o600,
        "local/supervisor.db": 0o600,
        "local/supervisor.db-wal": 0o600,
        "local/supervisor.db-shm": 0o600,
        "local/instance-id": 0o600,
        "local/lock": 0o600,
    }
    found = {
        _named(path.relative_to(daemon.directory)): stat.S_IMODE(path.stat().st_mode)
        for top in (daemon.run, daemon.local)
        for path in top.rglob("*")
        if ".docker" not in path.parts and not _of_another(path, daemon, session_id)
    }
    assert {name: oct(mode) for name, mode in found.items()} == {
        name: oct(mode) for name, mode in expected.items()
    }


def _named(path: Path) -> str:
    return str(path.with_name("NAME") if path.parent.name == "displays" else path)


def _of_another(path: Path, daemon: Daemon, session_id: str) -> bool:
    parts = path.relative_to(daemon.directory).parts
    return parts[:2] == ("run", "sessions") and len(parts) > 2 and parts[2] != session_id
