"""What every engine's calls raise while it cannot be asked."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from supervisor.engine import labels
from supervisor.engine.base import Engine
from supervisor.engine.docker import DockerEngine
from supervisor.errors import EngineDeniedError, EngineUnreachableError
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec
from tests.contract.conftest import Subject, specification

NOBODY = 65534

Call = Callable[[Engine, SessionId, ContainerSpec], Awaitable[object]]


async def _pull(engine: Engine, _session_id: SessionId, spec: ContainerSpec) -> object:
    return [fraction async for fraction in engine.pull_image(spec.image)]


async def _watch(engine: Engine, _session_id: SessionId, _spec: ContainerSpec) -> object:
    async with engine.watch(0.0) as events:
        return [event async for event in events]


async def _read_log(engine: Engine, session_id: SessionId, _spec: ContainerSpec) -> object:
    async with engine.read_log(session_id, tail=None, follow=False) as pieces:
        return [piece async for piece in pieces]


CALLS: dict[str, Call] = {
    "version": lambda engine, _id, _spec: engine.version(),
    "find_image": lambda engine, _id, spec: engine.find_image(spec.image),
    "pull_image": _pull,
    "read_image": lambda engine, _id, _spec: engine.read_image(f"sha256:{1:064x}"),
    "launch": lambda engine, session_id, spec: engine.launch(session_id, spec),
    "stop": lambda engine, session_id, _spec: engine.stop(session_id, "SIGTERM"),
    "remove": lambda engine, session_id, _spec: engine.remove(session_id),
    "list_containers": lambda engine, _id, _spec: engine.list_containers(),
    "watch": _watch,
    "read_log": _read_log,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_an_engine_that_is_gone(subject: Subject, session_id: SessionId, call: Call) -> None:
    """Every call says that the engine does not answer: a reason to try again, and later it works.

    Streams may instead end.
    """
    spec = specification(subject, session_id)
    await subject.engine.version()
    await subject.go_away()
    with pytest.raises(EngineUnreachableError) as absence:
        await call(subject.engine, session_id, spec)
    assert absence.value.retryable
    assert not isinstance(absence.value, EngineDeniedError)
    await subject.come_back()
    await subject.engine.version()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Give up root's rights for a while, as far as file permissions go; others have none."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest_asyncio.fixture
async def locked_engine(tmp_path: Path) -> AsyncIterator[DockerEngine]:
    """An engine behind a socket that listens and that nobody but root may use."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        engine = DockerEngine(f"unix://{path}", "contract", request_timeout_seconds=5.0)
        yield engine
        await engine.close()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_socket_that_is_not_for_us(
    locked_engine: DockerEngine, session_id: SessionId, call: Call
) -> None:
    """A socket without permission is told apart from one without an engine, with the remedy."""
    with unprivileged(), pytest.raises(EngineDeniedError, match="group docker"):
        await call(locked_engine, session_id, ContainerSpec(image="any"))


async def hang(_request: web.Request) -> web.Response:
    """Take a request and never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def negotiate(_request: web.Request) -> web.Response:
    """The client asks this before anything else."""
    return web.json_response({"ApiVersion": "1.41", "Version": "20"})


async def inspect(_request: web.Request) -> web.Response:
    """Whatever was asked for, it is there and ours."""
    labels_ = {labels.OWNER: "contract"}
    return web.json_response({"Id": "c0ffee", "Config": {"Labels": labels_}})


async def create(_request: web.Request) -> web.Response:
    """It is made."""
    return web.json_response({"Id": "c0ffee"}, status=201)


@pytest_asyncio.fixture(params=["at once", "at the deed"])
async def hanging_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DockerEngine]:
    """An engine that never answers, or only while it is not asked to do anything."""
    app = web.Application()
    if request.param == "at the deed":
        app.router.add_get("/version", negotiate)
        for thing in ("images", "containers"):
            app.router.add_get(f"/{{api}}/{thing}/{{name}}/json", inspect)
        app.router.add_post("/{api}/containers/create", create)
    app.router.add_route("*", "/{rest:.*}", hang)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    path = tmp_path / "s"
    await web.UnixSite(runner, str(path)).start()
    engine = DockerEngine(f"unix://{path}", "contract", request_timeout_seconds=0.1)
    yield engine
    await engine.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "call",
    ["version", "read_image", "launch", "stop", "remove", "list_containers", "read_log"],
)
async def test_an_engine_that_hangs(
    hanging_engine: DockerEngine, session_id: SessionId, call: str
) -> None:
    """Every request has a deadline; a pull has its session's, and a stream may be silent."""
    async with asyncio.timeout(10):
        with pytest.raises(EngineUnreachableError):
            await CALLS[call](hanging_engine, session_id, ContainerSpec(image="any"))
