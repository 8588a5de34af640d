"""The web server's API over TCP and TLS: for whoever shows a token, and nobody else."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay.config import RelayConfig, RelayLimits
from supervisor.lifecycle.audit import ActorKind
from tests.support.certificates import Authority, KeyPair
from tests.support.memory_log import MemoryLog
from tests.support.turning import until
from tests.unit.relay.conftest import TOKEN as AGENT_TOKEN
from tests.unit.relay.conftest import House
from tests.unit.relay.network import (
    OTHER_TOKEN,
    TOKEN,
    calling,
    ended,
    networked,
    port_of,
    terms,
)
from tests.unit.relay.passing import passed
from tests.unit.relay.test_event_stream import next_event


@pytest.fixture
def config(directory: Path, limits: RelayLimits, pair: KeyPair) -> RelayConfig:
    """With the network."""
    return networked(directory, limits, pair)


async def test_a_call_with_a_token_is_answered_and_recorded(
    house: House, authority: Authority
) -> None:
    """Either token does, and the audit trail tells which, from where."""
    for token in (TOKEN, OTHER_TOKEN):
        async with (
            calling(port_of(house), authority.trusting(), token) as http,
            http.post("/v1/sessions", json={"user": "alice"}) as answer,
        ):
            assert answer.status == 202
    first, second = house.trail.of("session.launch")
    assert first.actor.kind is ActorKind.TCP
    assert (first.actor.address, first.actor.credential) == ("127.0.0.1", "web-1")
    assert second.actor.credential == "web-2"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        f"Bearer {'x' * 4000}",
        "Bearer \u00e4",
        f"Bearer {AGENT_TOKEN}",
    ],
)
async def test_without_the_token_nobody_learns_anything(
    house: House, authority: Authority, authorization: str | None
) -> None:
    """401 for every path, and the connection is over; the log has address and count, no token."""
    await house.sessions.run(AGENT_TOKEN)
    headers = {} if authorization is None else {"Authorization": authorization}
    with capture_logs() as logs:
        async with calling(port_of(house), authority.trusting(), None) as http:
            for path in ("/v1/sessions", "/healthz", "/metrics"):
                async with http.get(path, headers=headers) as answer:
                    assert answer.status == 401
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
                    assert answer.headers["Connection"] == "close"
                    assert (await answer.json())["code"] == "unauthorized"
    (noted,) = [entry for entry in logs if entry["event"] == "offence_noted"]
    assert (noted["offence"], noted["address"]) == ("wrong_tokens", "127.0.0.1")
    assert TOKEN not in json.dumps(logs, default=str)
    assert house.trail.acts == []


async def test_a_token_that_is_withdrawn_admits_nobody(
    house: House, authority: Authority, pair: KeyPair
) -> None:
    """Also on a connection that is there already."""
    connector = aiohttp.TCPConnector(ssl=authority.trusting())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base = f"https://127.0.0.1:{port_of(house)}"
    async with aiohttp.ClientSession(base, connector=connector, headers=headers) as http:
        async with http.get("/healthz") as answer:
            assert answer.status == 200
        house.relay.set_terms(terms(pair, OTHER_TOKEN), None)
        async with http.get("/healthz") as answer:
            assert answer.status == 401


@pytest.mark.parametrize("left", [True, False])
async def test_a_stream_ends_with_the_token_that_opened_it(
    house: House, authority: Authority, pair: KeyPair, *, left: bool
) -> None:
    """Events and logs; not those of a token that still holds, under whatever name."""
    session_id = await house.sessions.run(AGENT_TOKEN)
    house.logs.printed[session_id] = MemoryLog()
    async with (
        calling(port_of(house), authority.trusting(), TOKEN) as old,
        calling(port_of(house), authority.trusting(), OTHER_TOKEN) as new,
        old.get("/v1/events") as ending,
        new.get("/v1/events") as staying,
        old.get(f"/v1/sessions/{session_id}/log?follow=true") as log,
    ):
        for stream in (ending, staying):
            while (found := await next_event(stream)) and found.event != "synced":
                pass
        house.relay.set_terms(terms(pair, OTHER_TOKEN) if left else None, None)
        for broken in (ending, log, *(() if left else (staying,))):
            with pytest.raises(aiohttp.ClientError):
                await broken.read()
        if left:
            await house.sessions.run("another")
            assert await next_event(staying) is not None


async def test_a_websocket_ends_with_the_token_that_opened_it(
    house: House, authority: Authority, pair: KeyPair
) -> None:
    """And nothing goes wrong over it, though its connection is ended from two sides."""
    with capture_logs() as logs:
        async with (
            calling(port_of(house), authority.trusting()) as http,
            http.ws_connect("/v1/events") as socket,
        ):
            house.relay.set_terms(terms(pair, OTHER_TOKEN), None)
            async with asyncio.timeout(5):
                while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            await until(lambda: house.relay.presence.state()["streams"] == 0)
        await house.relay.stop(5.0)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_display_goes_on_when_the_web_servers_token_is_changed(
    house: House, authority: Authority, pair: KeyPair
) -> None:
    """Its viewer came by a ticket; to change a token costs no display."""
    session_id = await house.sessions.run(AGENT_TOKEN)
    agent = await house.agent()
    async with calling(port_of(house), authority.trusting()) as http:
        path = await house.ticket(session_id)
        asking = asyncio.create_task(http.ws_connect(path, protocols=("binary",)))
        _, writer = await agent.open_display()
        viewer = await asking
        house.relay.set_terms(terms(pair, OTHER_TOKEN), None)
        writer.write(b"still here")
        assert await viewer.receive_bytes() == b"still here"
        await viewer.close()


async def test_events_and_displays_come_over_websockets(house: House, authority: Authority) -> None:
    """Whatever streams, both ways."""
    session_id = await house.sessions.run(AGENT_TOKEN)
    agent = await house.agent()
    async with calling(port_of(house), authority.trusting()) as http:
        async with http.ws_connect("/v1/events") as events:
            assert (await events.receive_json())["data"]["id"] == session_id
        path = await house.ticket(session_id)
        asking = asyncio.create_task(http.ws_connect(path, protocols=("binary",)))
        reader, writer = await agent.open_display()
        viewer = await asking
        picture = bytes(range(256)) * 4096
        writer.write(b"RFB 003.008\n")
        assert await viewer.receive_bytes() == b"RFB 003.008\n"
        await viewer.send_bytes(b"RFB 003.008\n")
        assert await reader.readexactly(12) == b"RFB 003.008\n"
        writer.write(b"\x01\x01" + picture)
        await viewer.close()
    (came,) = house.trail.of("viewer.connect")
    assert (came.actor.kind, came.actor.credential) == (ActorKind.TCP, "web-1")
    assert came.actor.admission is not None


async def test_pictures_of_a_passed_display_come_over_tls(
    house: House, authority: Authority
) -> None:
    """Whole, though they come faster than they can be encrypted."""
    session_id = await house.sessions.run(AGENT_TOKEN)
    agent = await house.agent()
    picture = bytes(range(256)) * 65_536
    async with calling(port_of(house), authority.trusting()) as http:
        viewing = http.ws_connect(await house.ticket(session_id), protocols=("binary",))
        display = await passed(house, agent, viewing)
        saying = asyncio.create_task(display.say(picture))
        shown = bytearray()
        async with asyncio.timeout(20):
            while len(shown) < len(picture):
                shown += await display.viewer.receive_bytes()
        assert shown == picture
        await saying
        await display.viewer.close()


async def test_a_log_is_followed(house: House, authority: Authority) -> None:
    """It begins at once, and is recorded then."""
    session_id = await house.sessions.run(AGENT_TOKEN)
    async with (
        calling(port_of(house), authority.trusting()) as http,
        http.get(f"/v1/sessions/{session_id}/log?follow=true") as answer,
    ):
        assert answer.status == 200
        await until(lambda: bool(house.trail.of("log.read")))


async def test_another_certificate_is_shown_and_nothing_is_dropped(
    house: House, authority: Authority, tmp_path: Path
) -> None:
    """New connections meet the new one; those that are there go on."""
    other = Authority(tmp_path, "other")
    async with calling(port_of(house), authority.trusting()) as http:
        stream = await http.get("/v1/events")
        house.relay.set_terms(terms(other.issue("relay"), TOKEN), None)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get("/healthz")
        async with (
            calling(port_of(house), other.trusting()) as new,
            new.get("/healthz") as answer,
        ):
            assert answer.status == 200
        await house.sessions.run(AGENT_TOKEN)
        assert await next_event(stream) is not None
        stream.close()


@pytest.mark.parametrize("days", [-1, 30])
async def test_a_client_refuses_what_it_should_not_trust(
    house: House, authority: Authority, tmp_path: Path, days: int
) -> None:
    """A certificate that has ended, or of an authority that it does not know."""
    known = days < 0
    issuer = authority if known else Authority(tmp_path, "unknown")
    house.relay.set_terms(terms(issuer.issue("other", days=days), TOKEN), None)
    async with calling(port_of(house), authority.trusting()) as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as refused:
            await http.get("/healthz")
    assert ("expired" if known else "unable to get local issuer") in str(refused.value)


async def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(
    house: House, authority: Authority, pair: KeyPair, tmp_path: Path
) -> None:
    """Mutual TLS: the token alone does not do."""
    house.relay.set_terms(terms(pair, TOKEN, client_ca=authority.certificate), None)
    stranger = Authority(tmp_path, "stranger").issue("web")
    for client in (None, stranger):
        async with calling(port_of(house), authority.trusting(client)) as http:
            with pytest.raises(aiohttp.ClientError):
                await http.get("/healthz")
    async with (
        calling(port_of(house), authority.trusting(authority.issue("web"))) as http,
        http.get("/healthz") as answer,
    ):
        assert answer.status == 200


async def test_tls_1_2_is_spoken_still(house: House, authority: Authority) -> None:
    """By web servers of some age; nothing older is (test_tcp_settings)."""
    context = authority.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        calling(port_of(house), context) as http,
        http.get("/healthz") as answer,
    ):
        assert answer.status == 200


async def test_stopping_ends_what_is_under_way(house: House, authority: Authority) -> None:
    """Streams and handshakes; no task is left."""
    begun = await asyncio.open_connection("127.0.0.1", port_of(house))
    async with calling(port_of(house), authority.trusting()) as http:
        stream = await http.get("/v1/events")
        await house.relay.stop(5.0)
        while (await next_event(stream)) is not None:
            pass
        assert stream.content.at_eof()
    async with asyncio.timeout(5):
        assert await begun[0].read() == b""
    begun[1].close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port_of(house))


async def test_without_terms_nobody_is_let_in(house: House) -> None:
    """An address that a reload leaves in use, but without its certificate."""
    house.relay.set_terms(None, None)
    assert await ended(port_of(house), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""


async def test_the_unix_socket_wants_no_token(house: House) -> None:
    """Peers are known there."""
    async with house.web.get("http://relay/healthz") as answer:
        assert answer.status == 200
