"""A web server, and a viewer by way of it, in front of the machine's daemon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.engine import docker
from tests.support.eventually import LONG_SECONDS
from tests.support.machine import Machine
from tests.support.rfb_client import RfbClient, WebSocketStream


@asynccontextmanager
async def web_server(machine: Machine) -> AsyncIterator[aiohttp.ClientSession]:
    """Calls on the machine's ``web.sock``, which is seen through its first process."""
    pid = (await docker("inspect", "--format", "{{.State.Pid}}", machine.name)).strip()
    connector = aiohttp.UnixConnector(f"/proc/{pid}/root/run/fastx-supervisor/web.sock")
    async with aiohttp.ClientSession("http://fx", connector=connector) as http:
        yield http


@asynccontextmanager
async def viewing(http: aiohttp.ClientSession, session_id: str) -> AsyncIterator[RfbClient]:
    """A viewer of the session."""
    place = f"/v1/sessions/{session_id}"
    async with http.post(f"{place}/tickets", json={}) as admitted:
        ticket = (await admitted.json())["ticket"]
    async with (
        http.ws_connect(
            f"{place}/display", params={"ticket": ticket}, protocols=("binary",), max_msg_size=0
        ) as socket,
        RfbClient.connect(WebSocketStream(socket)) as screen,
    ):
        yield screen


@asynccontextmanager
async def events(http: aiohttp.ClientSession) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """What the event stream tells, from ``synced`` on; one connection, or the end of it."""
    async with http.ws_connect("/v1/events", max_msg_size=0) as socket:

        async def told() -> AsyncIterator[dict[str, Any]]:
            async for message in socket:
                yield json.loads(message.data)

        async with asyncio.timeout(LONG_SECONDS):
            async for event in told():
                if event["event"] == "synced":
                    break
        yield told()
