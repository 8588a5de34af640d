"""A web server on another host: the whole API over TCP and TLS, to the real daemon."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.support.certificates import Authority, KeyPair, free_port
from tests.support.daemon import DAEMON_USER, Daemon, installed_daemon, until_ready
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import type_until, viewing, wait_for_window
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

TOKEN, NEXT_TOKEN = "the-web-servers-token-0123456789ab", "what-comes-after-it-0123456789abcdef"


@dataclass
class Gateway:
    """A daemon that listens to the network, and what its web server knows."""

    daemon: Daemon
    authority: Authority
    pair: KeyPair
    token_file: Path
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self.port}"

    def give(self) -> None:
        """Let the daemon's user have its files."""
        account = pwd.getpwnam(DAEMON_USER)
        for path in (self.pair.certificate, self.pair.key, self.token_file):
            if os.geteuid() == 0:
                os.chown(path, account.pw_uid, account.pw_gid)
            path.chmod(0o600)

    def add_token(self, token: str) -> None:
        """A second one, in a file of its own, from the next reload on."""
        file = self.token_file.with_name("next.token")
        file.write_text(token)
        file.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(file, DAEMON_USER)
        path = self.daemon.config / "supervisor.yaml"
        config = json.loads(path.read_text())
        config["relay"]["web"]["tcp"]["token_files"].append(str(file))
        path.write_text(json.dumps(config))

    def caller(
        self, token: str = TOKEN, authority: Authority | None = None
    ) -> aiohttp.ClientSession:
        """A client, to be used as a context; each call is a connection."""
        tls = (authority or self.authority).trusting()
        return aiohttp.ClientSession(
            self.url,
            connector=aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True),
            headers={"Authorization": f"Bearer {token}"},
        )

    async def reload(self) -> None:
        """Have the configuration read anew; it has to be taken."""

        def reloads() -> int:
            lines = self.daemon.logged()
            return sum(line["event"] == "configuration_reloaded" for line in lines)

        before = reloads()
        assert self.daemon.process is not None
        self.daemon.process.send_signal(signal.SIGHUP)
        await eventually(lambda: reloads() > before, "it has been reloaded")


class RemoteWebServer(WebServer):
    """A web server that comes over the network."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway.daemon)
        self._gateway = gateway

    def _connected(self) -> aiohttp.ClientSession:
        return self._gateway.caller()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(site: Surroundings, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Ready, with a certificate and a token."""
    authority = Authority(tmp_path / "authority")
    port = free_port()
    async with installed_daemon(site, config={}) as daemon:
        issued = authority.issue("relay")
        pair = KeyPair(daemon.config / "relay.pem", daemon.config / "relay.key")
        shutil.copy(issued.certificate, pair.certificate)
        shutil.copy(issued.key, pair.key)
        token_file = daemon.config / "web.token"
        token_file.write_text(TOKEN)
        daemon.secrets |= {TOKEN, NEXT_TOKEN}
        made = Gateway(daemon, authority, pair, token_file, port)
        made.give()
        path = daemon.config / "supervisor.yaml"
        tcp = {
            "host": "127.0.0.1",
            "port": port,
            "certificate_file": str(pair.certificate),
            "key_file": str(pair.key),
            "token_files": [str(token_file)],
        }
        path.write_text(json.dumps(json.loads(path.read_text()) | {"relay": {"web": {"tcp": tcp}}}))
        await daemon.start()
        await until_ready(daemon)
        yield made


async def test_a_session_from_afar(gateway: Gateway, scratch: Path) -> None:
    """Started, followed, looked at, typed into, asked for its log, another program, its end."""
    async with RemoteWebServer(gateway) as web, web.session(command="xterm") as session:
        assert web.phases(session["id"])[-1] == "running"
        async with viewing(web, session["id"]) as screen:
            await wait_for_window(screen)
            await type_until(screen, f"touch {scratch}/here", scratch / "here")
        ran = await web.call(
            "POST", f"/v1/sessions/{session['id']}/exec", {"command": "echo afar", "wait": True}
        )
        assert (ran.status, ran.body["exit_code"], ran.body["output"]) == (200, 0, "afar\n")
        async with web.http.get(f"/v1/sessions/{session['id']}/log?follow=true") as log:
            assert log.status == 200
            assert (await web.terminate(session["id"]))["phase"] == "ended"
            await log.read()
        node = (await web.call("GET", "/v1/node")).body
        assert node["certificates"]["web"]["file"] == str(gateway.pair.certificate)
        metrics = (await web.call("GET", "/metrics")).text
        assert 'certificate_expiry_timestamp_seconds{listener="web"}' in metrics
    acts = [line for line in gateway.daemon.logged() if line.get("stream") == "audit"]
    (launch,) = [act for act in acts if act["action"] == "session.launch"]
    assert launch["actor"] == {
        "kind": "tcp",
        "address": "127.0.0.1",
        "credential": "web.token",
    }
    assert [act["actor"]["kind"] for act in acts if act["action"] == "viewer.connect"] == ["tcp"]


async def test_who_is_not_let_in(gateway: Gateway) -> None:
    """Without the token, without TLS; and a client that knows another authority stays away."""
    async with gateway.caller("not-the-token") as http, http.get("/v1/sessions") as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "unauthorized"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(20):
        assert b"HTTP" not in await reader.read()
    writer.close()
    stranger = Authority(gateway.daemon.directory / "stranger")
    async with gateway.caller(authority=stranger) as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get("/healthz")


async def test_certificate_and_token_change_while_a_stream_goes_on(gateway: Gateway) -> None:
    """With two tokens for a while the web server notices nothing, until its own is taken away."""
    async with RemoteWebServer(gateway) as web:
        successor = Authority(gateway.daemon.directory / "successor")
        gateway.pair.replace(successor.issue("relay"))
        gateway.add_token(NEXT_TOKEN)
        gateway.give()
        await gateway.reload()
        async with gateway.caller() as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get("/healthz")
        async with gateway.caller(NEXT_TOKEN, successor) as http:
            async with http.post("/v1/sessions", json={"user": gateway.daemon.site.user}) as answer:
                assert answer.status == 202
                session_id = (await answer.json())["id"]
            await web.until(session_id, "running")
            gateway.daemon.token(session_id)
            async with http.delete(f"/v1/sessions/{session_id}") as answer:
                assert answer.status == 204
        assert not web._following.done()
        gateway.token_file.write_text(NEXT_TOKEN)
        await gateway.reload()
        await asyncio.wait([web._following], timeout=20)
        assert isinstance(web._following.exception(), aiohttp.ClientError)
        async with gateway.caller(TOKEN, successor) as http, http.get("/healthz") as answer:
            assert answer.status == 401


async def test_fxctl_from_afar(gateway: Gateway) -> None:
    """By address, token and authority; and what is wrong with them is said."""
    execute = gateway.daemon.execute
    token_file = str(gateway.token_file)
    authority = gateway.daemon.directory / "authority.pem"
    shutil.copy(gateway.authority.certificate, authority)
    code, output, complaint = await execute(
        *("fxctl", "start", "--no-wait", "-u", gateway.daemon.site.user),
        FX_SOCKET=gateway.url,
        FX_TOKEN_FILE=token_file,
        FX_CA_FILE=str(authority),
    )
    assert (code, complaint) == (0, "")
    session_id = output.strip()
    code, output, _ = await execute(
        *("fxctl", "terminate", "--wait", session_id, "--socket", gateway.url),
        FX_TOKEN_FILE=token_file,
        FX_CA_FILE=str(authority),
    )
    assert code == 0
    code, _, complaint = await execute(
        "fxctl", "ps", FX_SOCKET=gateway.url, FX_TOKEN_FILE=token_file
    )
    assert code == 69
    assert "certificate that is not to be trusted" in complaint
    code, _, complaint = await execute("fxctl", "ps", FX_SOCKET=gateway.url)
    assert code == 2
    assert "FX_TOKEN_FILE" in complaint


async def test_check_refuses_the_network_in_clear(gateway: Gateway) -> None:
    """Before anybody can listen to what is said."""
    path = gateway.daemon.config / "supervisor.yaml"
    document = json.loads(path.read_text())
    document["relay"]["web"]["tcp"] |= {
        "host": "192.0.2.1",
        "certificate_file": None,
        "key_file": None,
    }
    path.write_text(json.dumps(document))
    code, _, complaint = await gateway.daemon.execute("fx-supervisor", "check")
    assert code == 78
    assert "relay.web.tcp: certificate_file and key_file are missing" in complaint
