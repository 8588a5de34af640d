"""A launch whose earlier attempt was broken off, and which the engine is still undoing."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from supervisor.engine import labels
from supervisor.engine.base import EngineEventKind, container_name
from supervisor.engine.docker import DockerEngine
from supervisor.errors import EngineUnreachableError
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec
from tests.support.turning import settled

ID = SessionId("01hf000000000000000000000a")
SPEC = ContainerSpec(image="fx/x")
LABELS = {labels.OWNER: "me", labels.SESSION: ID, "name": container_name(ID)}


def event(action: str, container_id: str) -> bytes:
    """As the engine writes it."""
    actor = {"ID": container_id, "Attributes": LABELS}
    found = {"Type": "container", "Action": action, "id": container_id, "Actor": actor}
    return json.dumps({**found, "time": 1, "timeNano": 1}).encode() + b"\n"


class Undoing:
    """An engine that holds the name for one request more."""

    def __init__(self) -> None:
        self.conflicts = 1
        self.is_there = False
        """Whether there is something by that name: a container that can do nothing any more."""
        self.started: list[str] = []
        self.told = asyncio.Event()
        self.events: asyncio.Queue[bytes] = asyncio.Queue()

    async def create(self, _request: web.Request) -> web.Response:
        """Refused while the name is held."""
        if self.conflicts:
            self.conflicts -= 1
            return web.json_response({"message": "The container name is in use"}, status=409)
        return web.json_response({"Id": "c2", "Warnings": []}, status=201)

    async def look(self, _request: web.Request) -> web.Response:
        """The container, if there is one."""
        if self.is_there:
            return web.json_response({"Id": "c1", "Config": {"Labels": LABELS}})
        return web.json_response({"message": "No such container"}, status=404)

    async def start(self, request: web.Request) -> web.Response:
        """Done, but for what can do nothing any more."""
        name = request.match_info["name"]
        if name == "c1":
            return web.json_response({"message": "cannot start it: id already in use"}, status=500)
        self.started.append(name)
        self.events.put_nowait(event("start", name))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Told before it is answered, as the engine does."""
        self.is_there = False
        self.events.put_nowait(event("destroy", request.match_info["name"]))
        await self.told.wait()
        await settled()
        return web.Response(status=204)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """The event stream."""
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(await self.events.get())
            self.told.set()


@pytest_asyncio.fixture
async def undoing() -> AsyncIterator[tuple[Undoing, DockerEngine]]:
    """The engine and a client of it."""
    undoing, app = Undoing(), web.Application()

    async def version(_request: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41", "Version": "20.10"})

    async def info(_request: web.Request) -> web.Response:
        return web.json_response({"LiveRestoreEnabled": False, "ServerVersion": "20.10.24"})

    app.add_routes(
        [
            web.get("/version", version),
            web.get("/{api}/version", version),
            web.get("/{api}/info", info),
            web.post("/{api}/containers/create", undoing.create),
            web.get("/{api}/containers/{name}/json", undoing.look),
            web.post("/{api}/containers/{name}/start", undoing.start),
            web.delete("/{api}/containers/{name}", undoing.delete),
            web.get("/{api}/events", undoing.follow),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="fx-") as directory:
        path = Path(directory) / "docker.sock"
        await web.UnixSite(runner, str(path)).start()
        engine = DockerEngine(f"unix://{path}", "me", 5.0)
        yield undoing, engine
        await engine.close()
        await runner.cleanup()


async def test_it_is_tried_again_later(undoing: tuple[Undoing, DockerEngine]) -> None:
    """Nothing was refused: a session must not end over it."""
    state, engine = undoing
    with pytest.raises(EngineUnreachableError, match="still being undone"):
        await engine.launch(ID, SPEC)
    assert await engine.launch(ID, SPEC) == "c2"
    assert state.started == ["c2"]


async def test_what_an_engines_death_has_left_is_replaced(
    undoing: tuple[Undoing, DockerEngine],
) -> None:
    """Its end is not the session's, and not told."""
    state, engine = undoing
    state.is_there = True
    async with engine.watch(0.0) as events:
        first_event = asyncio.ensure_future(anext(events))
        assert await engine.launch(ID, SPEC) == "c2"
        first = await first_event
    assert (first.kind, first.container_id) == (EngineEventKind.START, "c2")
