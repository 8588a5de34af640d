"""Pulls as the engine gets to see them: what is sent, and what an end without an end means."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from supervisor.engine.docker import DockerEngine
from supervisor.errors import EngineUnreachableError, ImagePullError

DOWNLOADING = {"id": "a", "status": "Downloading", "progressDetail": {"current": 50, "total": 100}}
DONE = {"id": "a", "status": "Pull complete"}
END = {"status": "Status: Downloaded newer image for x:1"}
HUB = "https://index.docker.io/v1/"


class Pulling:
    """An engine that answers each pull with the same lines, and then may stand still."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = [DOWNLOADING, DONE, END]
        self.asked: list[dict[str, str]] = []
        self.auth: dict[str, str] | None = None
        self.stands_still = False
        self.broken_off = asyncio.Event()

    async def create(self, request: web.Request) -> web.StreamResponse:
        """``POST /images/create``."""
        self.asked.append(dict(request.query))
        header = request.headers.get("X-Registry-Auth")
        self.auth = None if header is None else json.loads(base64.urlsafe_b64decode(header))
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for line in self.lines:
                await response.write(json.dumps(line).encode() + b"\r\n")
            if self.stands_still:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.broken_off.set()
            raise
        return response


@pytest_asyncio.fixture
async def pulling(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Pulling, DockerEngine]]:
    """The engine and a client of it, without credentials at first."""
    pulling, app = Pulling(), web.Application()

    async def version(_request: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41", "Version": "20.10"})

    app.add_routes(
        [
            web.get("/version", version),
            web.get("/{api}/version", version),
            web.post("/{api}/images/create", pulling.create),
        ]
    )
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="fx-") as directory:
        monkeypatch.setenv("DOCKER_CONFIG", directory)
        path = Path(directory) / "docker.sock"
        await web.UnixSite(runner, str(path)).start()
        engine = DockerEngine(f"unix://{path}", "me", 0.5)
        yield pulling, engine
        await engine.close()
        await runner.cleanup()


def write_config(document: object) -> None:
    """The daemon's user logs in."""
    (Path(os.environ["DOCKER_CONFIG"]) / "config.json").write_text(json.dumps(document))


async def pulled(engine: DockerEngine, reference: str, platform: str | None = None) -> list[float]:
    """What a pull told."""
    return [fraction async for fraction in engine.pull_image(reference, platform)]


async def test_without_credentials(pulling: tuple[Pulling, DockerEngine]) -> None:
    """Nothing but the reference and the platform is sent."""
    state, engine = pulling
    assert await pulled(engine, "x", "linux/arm64") == [0.35, 1.0]
    assert state.asked == [{"fromImage": "x", "tag": "latest", "platform": "linux/arm64"}]
    assert state.auth is None


@pytest.mark.parametrize(
    ("reference", "server", "asked"),
    [
        ("r.example:5000/a/x:1", "r.example:5000", "r.example:5000/a/x:1"),
        ("x:1", HUB, "docker.io/library/x:1"),
        ("alice/x:1", HUB, "docker.io/alice/x:1"),
    ],
)
@pytest.mark.parametrize(
    "entry",
    [{"username": "alice", "password": "p"}, {"identitytoken": "t"}],
    ids=["basic", "token"],
)
async def test_credentials_are_sent(
    pulling: tuple[Pulling, DockerEngine],
    reference: str,
    server: str,
    asked: str,
    entry: dict[str, str],
) -> None:
    """With the server's own name, which the engine compares (moby, ``daemon/containerd``)."""
    state, engine = pulling
    write_config({"auths": {server: entry}})
    await pulled(engine, reference)
    assert state.auth is not None
    sent = {key: value for key, value in state.auth.items() if value}
    assert sent == {**entry, "serveraddress": server}
    assert state.asked == [{"fromImage": asked}]


async def test_credentials_of_another_registry_are_not_sent(
    pulling: tuple[Pulling, DockerEngine],
) -> None:
    """Nobody hears a password that is not theirs."""
    state, engine = pulling
    write_config({"auths": {"r.example": {"username": "alice", "password": "p"}}})
    await pulled(engine, "other.example/x:1")
    assert state.auth is None


async def test_a_stream_that_just_ends(pulling: tuple[Pulling, DockerEngine]) -> None:
    """Whether the image is here is not known: the pull is tried again, and no success."""
    state, engine = pulling
    state.lines = [DOWNLOADING, DONE]
    with pytest.raises(EngineUnreachableError, match="during the pull of x:1"):
        await pulled(engine, "x:1")


async def test_an_error_in_the_stream(pulling: tuple[Pulling, DockerEngine]) -> None:
    """It says how far the pull had come and in which file credentials were looked for."""
    state, engine = pulling
    state.lines = [DOWNLOADING, {"error": "denied", "errorDetail": {"message": "denied"}}]
    with pytest.raises(ImagePullError, match=r"broke off at 35%: denied\. No credentials") as error:
        await pulled(engine, "x:1")
    assert os.environ["DOCKER_CONFIG"] in str(error.value)


async def test_a_pull_that_is_closed(pulling: tuple[Pulling, DockerEngine]) -> None:
    """The engine sees the connection go, and stops."""
    state, engine = pulling
    state.lines, state.stands_still = [DOWNLOADING], True
    async with aclosing(engine.pull_image("x:1")) as fractions:
        assert await anext(fractions) < 1.0
        assert not state.broken_off.is_set()
    await asyncio.wait_for(state.broken_off.wait(), 10)


async def test_a_pull_that_is_cancelled(pulling: tuple[Pulling, DockerEngine]) -> None:
    """Likewise, while it waits for the next line."""
    state, engine = pulling
    state.lines, state.stands_still = [DOWNLOADING], True
    fractions = engine.pull_image("x:1")
    await anext(fractions)
    waiting = asyncio.ensure_future(anext(fractions))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(state.broken_off.wait(), 10)
