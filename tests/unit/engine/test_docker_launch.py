"""A launch whose earlier attempt was broken off, and which the engine is still undoing."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from supervisor.engine.docker import DockerEngine
from supervisor.errors import EngineUnreachableError
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec

ID = SessionId("01hf000000000000000000000a")
SPEC = ContainerSpec(image="fx/x")


class Undoing:
    """An engine that holds the name, and has nothing by it, for so many requests."""

    def __init__(self) -> None:
        self.conflicts = 1
        self.started: list[str] = []

    async def create(self, _request: web.Request) -> web.Response:
        """Refused while the name is held."""
        if self.conflicts:
            self.conflicts -= 1
            return web.json_response({"message": "The container name is in use"}, status=409)
        return web.json_response({"Id": "c2", "Warnings": []}, status=201)

    async def look(self, _request: web.Request) -> web.Response:
        """Nothing there."""
        return web.json_response({"message": "No such container"}, status=404)

    async def start(self, request: web.Request) -> web.Response:
        """Done."""
        self.started.append(request.match_info["name"])
        return web.Response(status=204)


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
        ]
    )
    runner = web.AppRunner(app)
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
