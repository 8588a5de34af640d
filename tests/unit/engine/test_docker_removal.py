"""Removal that is under way already: ``remove`` returns when it is over, not when it is asked."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from supervisor.engine import labels
from supervisor.engine.docker import DockerEngine
from supervisor.errors import EngineUnreachableError
from supervisor.lifecycle.session import SessionId

ID = SessionId("01hf000000000000000000000a")


class Removing:
    """An engine that is about to remove the container, for so many looks at it."""

    def __init__(self) -> None:
        self.looks = 3

    async def look(self, _request: web.Request) -> web.Response:
        """The container, until it is gone."""
        if self.looks == 0:
            return web.json_response({"message": "No such container"}, status=404)
        self.looks -= 1
        return web.json_response({"Id": "c1", "Config": {"Labels": {labels.OWNER: "me"}}})

    async def delete(self, _request: web.Request) -> web.Response:
        """Refused as the engine does."""
        message = "removal of container c1 is already in progress"
        return web.json_response({"message": message}, status=409)


@pytest_asyncio.fixture
async def removing() -> AsyncIterator[tuple[Removing, DockerEngine]]:
    """The engine and a client of it."""
    removing, app = Removing(), web.Application()

    async def version(_request: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41", "Version": "20.10"})

    app.add_routes(
        [
            web.get("/version", version),
            web.get("/{api}/version", version),
            web.get("/{api}/containers/{name}/json", removing.look),
            web.delete("/{api}/containers/{name}", removing.delete),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="fx-") as directory:
        path = Path(directory) / "docker.sock"
        await web.UnixSite(runner, str(path)).start()
        engine = DockerEngine(f"unix://{path}", "me", 0.5)
        yield removing, engine
        await engine.close()
        await runner.cleanup()


async def test_it_is_waited_for(removing: tuple[Removing, DockerEngine]) -> None:
    """A session must not be told over while its container is there."""
    state, engine = removing
    await engine.remove(ID)
    assert state.looks == 0


async def test_not_for_ever(removing: tuple[Removing, DockerEngine]) -> None:
    """An engine that does not get on with it is asked again later."""
    state, engine = removing
    state.looks = 1_000
    with pytest.raises(EngineUnreachableError):
        await engine.remove(ID)
