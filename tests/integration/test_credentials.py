"""Who is let in: tickets for viewers, tokens for agents, ids for whoever guesses."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys

import aiohttp
import pytest

from tests.support.daemon import Daemon
from tests.support.eventually import eventually
from tests.support.viewing import viewing
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_a_ticket_admits_once_to_one_session(web: WebServer) -> None:
    """A made-up, a used, a foreign and a revoked ticket are all answered 401."""
    async with web.session() as session, web.session() as other:
        used = await web.ticket(session["id"])
        async with viewing(web, session["id"], used) as screen:
            assert screen.size == (1280, 800)
        foreign = await web.ticket(other["id"])
        revoked = await web.ticket(session["id"])
        path = f"/v1/sessions/{session['id']}"
        assert (await web.call("DELETE", f"{path}/tickets")).status == 204
        for ticket in ("made-up", "", used, foreign, revoked):
            assert await admission(web, session["id"], ticket) == 401
        async with viewing(web, other["id"], foreign):
            pass


async def test_a_ticket_expires(web: WebServer) -> None:
    """After its time a ticket with uses left is worth nothing."""
    async with web.session() as session:
        ticket = await web.ticket(session["id"], ttl_seconds=1, uses=1000)
        path = f"/v1/sessions/{session['id']}/display?ticket={ticket}"

        async def refused() -> bool:
            # Not a WebSocket: a ticket that holds is answered 426, and not used up.
            answer = await web.call("GET", path)
            assert answer.status in {426, 401}
            return answer.status == 401

        await eventually(refused, "the ticket has expired", within=10)
        assert await admission(web, session["id"], ticket) == 401


async def test_the_viewers_socket_has_the_display_and_nothing_else(
    web: WebServer, daemon: Daemon
) -> None:
    """By ticket there is a display on ``viewer.sock``; no other call is answered there."""
    async with web.session() as session:
        ticket = await web.ticket(session["id"])
        connector = aiohttp.UnixConnector(str(daemon.run / "viewer.sock"))
        async with aiohttp.ClientSession("http://fx", connector=connector) as viewer:
            path = f"/v1/sessions/{session['id']}"
            async with viewer.get("/v1/sessions") as answer:
                assert answer.status == 404
            async with viewer.post(f"{path}/tickets") as answer:
                assert answer.status == 404
            async with (
                asyncio.timeout(20),
                viewer.ws_connect(f"{path}/display?ticket={ticket}") as socket,
            ):
                assert (await socket.receive_bytes())[:4] == b"RFB "


async def test_an_agent_is_its_token(web: WebServer, daemon: Daemon) -> None:
    """Without a session's token nothing is taken; with it only that session can be lied about."""
    connector = aiohttp.UnixConnector(str(daemon.run / "relay" / "session.sock"))
    lie = {"seq": 999_999, "type": "failed", "reason": "OutOfMemory", "message": "a lie"}
    async with (
        web.session() as session,
        web.session() as other,
        aiohttp.ClientSession("http://fx", connector=connector) as agent,
    ):
        token = daemon.token(session["id"])
        wrong = [
            *("", "Bearer", "Bearer ", "Bearer x", f"Bearer {token}x", f"Basic {token}"),
            f"Bearer {session['id']}",
        ]
        for credential in wrong:
            for method, path in (("POST", "/v1/callbacks"), ("GET", "/v1/commands")):
                async with agent.request(
                    method, path, json=lie, headers={"Authorization": credential}
                ) as answer:
                    assert answer.status == 401, credential
        async with agent.post(
            "/v1/callbacks", json=lie, headers={"Authorization": f"Bearer {token}"}
        ) as answer:
            assert answer.status == 204
        ended = await web.until(session["id"], "ended")
        # The reason is not an agent's to give, the message is.
        assert (ended["reason"], ended["message"]) == ("AgentFailed", "a lie")
        assert (await web.get(other["id"]))["phase"] == "running"
        async with agent.post(
            "/v1/callbacks", json=lie, headers={"Authorization": f"Bearer {token}"}
        ) as answer:
            assert answer.status == 401


async def test_display_streams_want_a_token_and_a_stream(daemon: Daemon, web: WebServer) -> None:
    """On ``display.sock`` a wrong first line is answered with an error and the end."""
    async with web.session() as session:
        token = daemon.token(session["id"])
        for line in (
            "FASTX-DISPLAY/1 wrong 01\n",
            f"FASTX-DISPLAY/1 {token} nothing-asked-for\n",
            "GET / HTTP/1.1\r\n\r\n",
            f"{'x' * 10_000}\n",
        ):
            reader, writer = await asyncio.open_unix_connection(
                daemon.run / "relay" / "display.sock"
            )
            writer.write(line.encode())
            async with asyncio.timeout(20):
                answer = await reader.read()
            writer.close()
            assert not answer or answer.startswith(b"ERROR ")
        assert (await web.get(session["id"]))["phase"] == "running"


async def test_the_web_servers_socket_is_not_for_users(web: WebServer, daemon: Daemon) -> None:
    """Whoever is neither root nor the daemon nor named in the configuration is answered 403."""
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /v1/sessions HTTP/1.0\\r\\n\\r\\n'); print(s.recv(64).decode())"
    )
    stranger = pwd.getpwnam("nobody")
    command = ["setpriv", "--reuid", str(stranger.pw_uid), "--regid", str(stranger.pw_gid)]
    if os.geteuid() != 0:
        command = ["unshare", "--user", "--map-user", str(stranger.pw_uid), "--"]
    else:
        command.append("--clear-groups")
    process = await asyncio.create_subprocess_exec(
        *command,
        *(os.path.realpath(sys.executable), "-c", script, str(daemon.socket)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.startswith(b"HTTP/1.0 403 ")
    assert (await web.call("GET", "/v1/sessions")).status == 200


async def test_guessed_ids_are_not_found(web: WebServer) -> None:
    """What cannot be a session's id is a session that there is not."""
    for guess in ("01hf000000000000000000000a", "..%2f..%2fetc", "x" * 300, "%00", "a%20b"):
        answer = await web.call("GET", f"/v1/sessions/{guess}")
        assert (answer.status, answer.body["code"]) == (404, "session_not_found")


async def admission(web: WebServer, session_id: str, ticket: str) -> int:
    """How a viewer with this ticket is answered: 101 or a refusal's status."""
    try:
        async with web.http.ws_connect(
            f"/v1/sessions/{session_id}/display", params={"ticket": ticket}
        ):
            return 101
    except aiohttp.WSServerHandshakeError as refusal:
        return refusal.status
