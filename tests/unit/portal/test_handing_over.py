"""Which displays are handed to the relay, and which pass the portal; people see no difference."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter
from structlog.testing import capture_logs

from portal.display import handover
from relay.config import RelayConfig
from relay.display.handed_socket import HandedSocket
from relay.display.handover import Handover
from relay.listeners import HttpListener
from relay.peers import Peer
from relay.web.web_api import WebApi
from tests.support.certificates import Authority, KeyPair
from tests.support.rfb_client import VERSION
from tests.support.turning import until
from tests.unit.portal.browser import Browser, Object
from tests.unit.portal.conftest import Site
from tests.unit.portal.viewing import Socket, admitted, code_of, hand_over, opened, still_shows
from tests.unit.relay.agent import FakeAgent

Config = dict[str, Any]


async def test_what_a_browser_says_early_is_read_by_the_relay(site: Site) -> None:
    """By nobody else, once the connection is handed over."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    port = int(site.base.rpartition(":")[2])
    browser, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"GET {admission['path']} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {site.base}\r\n"
        f"Cookie: fx_portal={alice.cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
    )
    writer.write(head.encode())
    command = await agent._asked_for_display()
    # More than the relay reads before it has answered: whoever else reads has some of it.
    pongs = (bytes((0x8A, 0x80 | 125)) + bytes(4 + 125)) * 8000
    writer.write(pongs + bytes((0x82, 0x80 | len(VERSION))) + bytes(4) + VERSION)
    _, reader, _ = await agent.dial(command["stream"])
    assert (await browser.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    async with asyncio.timeout(10):
        assert await reader.readexactly(len(VERSION)) == VERSION
    writer.close()


async def test_a_reload_decides_of_displays_from_then_on(site: Site) -> None:
    """Those that are open go on as they are."""
    await site.session()
    agent = await site.agent()
    alice = await site.signed_in("alice")
    assert (await carried_by(site, alice, agent))[0] == "relay"
    hand_over(site, wanted=False)
    assert (await carried_by(site, alice, agent))[0] == "portal"


async def test_what_the_relay_does_not_take_passes_the_portal(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a security module of the host takes the descriptor away."""
    await site.session()
    agent = await site.agent()
    alice = await site.signed_in("alice")

    def refuse(descriptor: int) -> None:
        os.close(descriptor)

    monkeypatch.setattr("relay.display.handover.viewer_socket", refuse)
    by, socket = await carried_by(site, alice, agent)
    assert by == "portal"
    await socket.send_bytes(VERSION)
    await alice.post("/api/sign-out")
    assert await code_of(socket) == 4401


async def test_a_relay_that_goes_while_it_is_asked_is_told_as_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser's connection ends, and its page can ask why."""

    async def gone(_: HttpListener, _head: bytes, handed: HandedSocket, _peer: Peer) -> None:
        handed.close()
        raise ConnectionResetError

    monkeypatch.setattr("relay.display.handover._serve", gone)
    session_id = await site.session()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    with pytest.raises(aiohttp.ClientError):
        await alice.display(admission["path"])
    async with asyncio.timeout(10):
        while (problem := await why(alice, admission)) is None:
            pass
    assert problem["code"] == "supervisor_unreachable"


async def why(browser: Browser, admission: Object) -> Object | None:
    """Why a display did not come about."""
    told = await browser.get(f"/api/connections/{admission['connection']}")
    refused: Object | None = told.object["refused"]
    return refused


async def carried_by(site: Site, browser: Browser, agent: FakeAgent) -> tuple[str, Socket]:
    """Who serves a display of this browser's, and the display."""
    (session_id,) = site.portal.mirror.sessions
    with capture_logs() as logs:
        socket, _, writer = await opened(site, browser, agent, await admitted(browser, session_id))
        await until(lambda: any(each["event"] == "display_opened" for each in logs))
    assert await still_shows(socket, writer)
    (line,) = [each for each in logs if each["event"] == "display_opened"]
    return line["carried_by"], socket


class OlderQuery(BaseModel):
    """Of a call that revokes tickets, as it was."""

    model_config = ConfigDict(extra="forbid")

    label: str | None = None
    code: None = None


class TestOlderRelay:
    """One that knows of no handover, lists viewers by session, and has one code for all."""

    @pytest.fixture
    def config(self, config: RelayConfig, monkeypatch: pytest.MonkeyPatch) -> RelayConfig:
        """It is made by then; what it says at once is not waited for."""
        monkeypatch.setattr(handover, "_PREPARE_SECONDS", 3600.0)
        routes = WebApi.routes
        monkeypatch.setattr(
            WebApi,
            "routes",
            lambda self: [each for each in routes(self) if each.path != "/v1/viewers"],
        )
        monkeypatch.setattr(Handover, "routes", lambda _self: [])
        older = TypeAdapter(OlderQuery)
        monkeypatch.setattr("relay.web.web_api.TICKETS_QUERY", older)
        return config

    async def test_it_is_served_as_ever(self, site: Site) -> None:
        """Bytes pass the portal, which ends what it carries, and has the relay end the rest."""
        session_id, agent = await site.session(), await site.agent()
        alice = await site.signed_in("alice")
        by, socket = await carried_by(site, alice, agent)
        assert by == "portal"
        path = (await admitted(alice, session_id))["path"]
        passing_by = asyncio.create_task(site.house.view(path))
        await agent.open_display()
        await alice.post("/api/sign-out")
        assert await code_of(socket) == 4401
        assert await code_of(await passing_by) == 4003


class TestTls:
    """The portal's own."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        """Whom browsers believe."""
        return Authority(tmp_path / "authority")

    @pytest.fixture
    def pair(self, authority: Authority) -> KeyPair:
        """The portal's."""
        return authority.issue("127.0.0.1")

    @pytest.fixture
    def portal_config(self, portal_config: Config, pair: KeyPair) -> Config:
        """With it."""
        files = {"certificate_file": pair.certificate, "key_file": pair.key}
        return {**portal_config, "listen": files}

    async def test_what_has_to_be_encrypted_passes_the_portal(
        self, site: Site, authority: Authority
    ) -> None:
        """And ends as ever."""
        await site.session()
        agent = await site.agent()
        alice = site.browser(tls=authority.trusting())
        assert (await alice.sign_in(site.link("alice"))).status == 200
        by, socket = await carried_by(site, alice, agent)
        assert by == "portal"
        await alice.post("/api/sign-out")
        assert await code_of(socket) == 4401


class TestProxy:
    """In front of the portal, on its Unix socket."""

    @pytest.fixture
    def portal_config(self, portal_config: Config, directory: Path) -> Config:
        """It is believed, and is called by one name."""
        listen = {
            "socket": directory / "portal.sock",
            "trusted_proxies": ["unix"],
            "origins": ["http://desk"],
        }
        return {**portal_config, "listen": listen}

    async def test_a_proxys_connection_is_handed_over_as_well(
        self, site: Site, directory: Path
    ) -> None:
        """And the audit trail has the browser's address, by the proxy's word."""
        await site.session()
        agent = await site.agent()
        socket = str(directory / "portal.sock")
        forwarded = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http"}
        alice = Browser("http://desk", socket=socket, headers=forwarded)
        site.stack.push_async_callback(alice.close)
        assert (await alice.sign_in(site.link("alice"))).status == 200
        by, display = await carried_by(site, alice, agent)
        assert by == "relay"
        (act,) = site.house.trail.of("viewer.connect")
        assert (act.actor.forwarded_for, act.actor.kind) == ("192.0.2.9", "peer")
        await alice.post("/api/sign-out")
        assert await code_of(display) == 4401
