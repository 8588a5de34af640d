"""Pulls from a real registry: private, slow, denied, broken; one for all who wait."""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web as http

from tests.support.daemon import Daemon, installed_daemon, until_ready
from tests.support.engine import containers, docker
from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.eventually import eventually
from tests.support.registry import (
    LAYER_BYTES,
    USER,
    Registry,
    push_image,
    remove_tag,
    running_registry,
    write_docker_config,
)
from tests.support.registry_proxy import RegistryProxy, registry_proxy
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

NAME = "desk"
HALF_BYTES = sum(LAYER_BYTES) // 2
SLOW = 1_000_000
"""Bytes per second and layer: a pull of two seconds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A daemon, and a registry that it has to pull from."""

    daemon: Daemon
    engine: EngineProxy
    registry: Registry
    proxy: RegistryProxy

    @property
    def reference(self) -> str:
        """The image's."""
        return f"{self.proxy.address}/{NAME}:1"

    @property
    def config(self) -> Path:
        """Where the daemon's user has its credentials."""
        return self.daemon.local / ".docker" / "config.json"

    def log_in(self, entry: dict[str, str] | None = None) -> None:
        """Write credentials for the registry, the right ones unless told otherwise."""
        right = {"auth": self.registry.auth}
        self.write_config({"auths": {self.proxy.address: right if entry is None else entry}})

    def write_config(self, document: dict[str, Any]) -> None:
        """Write the file."""
        write_docker_config(self.config.parent, document)

    def write_template(self, keys: str = "command: [sleep, infinity]") -> None:
        """``pulled``: a session of the image."""
        self.daemon.write_template("pulled", f"image: {self.reference}\nworking_dir: /\n{keys}\n")

    async def require_nothing(self) -> None:
        """Nobody asks the engine for it any more, and nothing of it is left.

        A connection that stands still the engine closes only when something comes.
        """
        await eventually(lambda: self.engine.pulls == 0, "the engine is not asked any more")
        self.proxy.release()
        await eventually(lambda: self.proxy.connections == 0, "the engine has let go")
        assert await docker("images", "-q", self.reference) == ""
        assert await containers("owner", self.daemon.owner) == []
        sessions = self.daemon.run / "sessions"
        await eventually(lambda: not list(sessions.iterdir()), "files are gone")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store() -> AsyncIterator[Path]:
    """A directory for registries."""
    directory = Path(tempfile.mkdtemp(prefix="fxr-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registry(site: Surroundings, store: Path) -> AsyncIterator[Registry]:
    """A registry with one image: perl-base's, and layers that nobody else has."""
    async with running_registry(store, store / "storage") as registry:
        (store / "image").mkdir()
        await push_image(registry, NAME, site.perl_base, store / "image")
        yield registry


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine() -> AsyncIterator[EngineProxy]:
    """The engine, and who asks it for pulls."""
    with tempfile.TemporaryDirectory(prefix="fxe-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        async with engine_proxy(Path(directory) / "engine.sock") as engine:
            yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(
    site: Surroundings, engine: EngineProxy, registry: Registry
) -> AsyncIterator[Daemon]:
    """A daemon that finds credential helpers in a directory of its own."""
    async with installed_daemon(site) as daemon:
        daemon.engine_url = engine.url
        helpers = daemon.directory / "helpers"
        helpers.mkdir()
        daemon.environment["PATH"] = f"{helpers}:/usr/bin:/bin"
        daemon.secrets |= {registry.password, registry.auth}
        await daemon.start()
        await until_ready(daemon)
        yield daemon


@pytest_asyncio.fixture(loop_scope="session")
async def desk(daemon: Daemon, engine: EngineProxy, registry: Registry) -> AsyncIterator[Desk]:
    """The right credentials, and a template that goes on until it is ended."""
    async with standing(daemon, engine, registry) as desk:
        desk.log_in()
        yield desk


@asynccontextmanager
async def standing(daemon: Daemon, engine: EngineProxy, registry: Registry) -> AsyncIterator[Desk]:
    """The registry under a name of its own; what was pulled by it is removed again."""
    async with registry_proxy(registry.port) as proxy:
        desk = Desk(daemon, engine, registry, proxy)
        desk.write_template()
        try:
            yield desk
        finally:
            await remove_tag(desk.reference)


def shown(web: WebServer, session_id: str) -> list[float]:
    """The progress that the web server was told, event by event."""
    return [seen["progress"] for seen in web.history(session_id) if seen["progress"] is not None]


async def between(web: WebServer, session_id: str) -> None:
    """Wait until the pull is seen to be under way."""
    seen = await web.when(session_id, lambda seen: 0 < (seen["progress"] or 0) < 1)
    assert seen["phase"] == "starting"


async def runs(web: WebServer) -> None:
    """A start now succeeds."""
    session_id = await web.start(template="pulled")
    await web.until(session_id, "running")
    await web.terminate(session_id)


async def test_a_private_image_is_pulled_and_started(web: WebServer, desk: Desk) -> None:
    """With the credentials of the daemon's user; progress moves by the percent, upwards."""
    desk.proxy.bytes_per_second = SLOW
    session_id = await web.start(template="pulled")
    running = await web.until(session_id, "running")
    assert (running["image"], running["progress"]) == (desk.reference, None)
    progress = shown(web, session_id)
    assert progress == sorted(set(progress)), "each percent once at most"
    assert len([each for each in progress if 0 < each < 1]) >= 5
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    # Configuration and new layers; those of the base are here.
    assert len(desk.proxy.asked("GET", "blobs")) == 1 + len(LAYER_BYTES)
    await web.terminate(session_id)


async def test_many_sessions_share_one_pull(web: WebServer, desk: Desk) -> None:
    """The registry is asked once; one who leaves disturbs nobody, one who comes sees it at once."""
    desk.proxy.bytes_per_second = SLOW
    desk.proxy.hold_after(HALF_BYTES)
    ids = await asyncio.gather(*(web.start(template="pulled") for _ in range(5)))
    for session_id in ids:
        await between(web, session_id)
    ids.append(await web.start(template="pulled"))
    await between(web, ids[-1])
    leaving = ids.pop(0)
    ended = await web.terminate(leaving)
    assert (ended["reason"], ended["progress"]) == ("Terminated", None)
    assert desk.engine.pulls == 1
    desk.proxy.release()
    for session_id in ids:
        await web.until(session_id, "running")
        assert shown(web, session_id) == sorted(set(shown(web, session_id)))
    blobs = desk.proxy.asked("GET", "blobs")
    assert len(blobs) == len(set(blobs)) == 1 + len(LAYER_BYTES)
    # One for each pull, whatever the engine remembers of earlier ones.
    assert len(desk.proxy.asked("HEAD", "manifests")) == 1
    await asyncio.gather(*(web.terminate(session_id) for session_id in ids))


async def test_the_last_to_leave_stops_the_engine(web: WebServer, desk: Desk) -> None:
    """Terminated in the middle: the engine drops its connections, and nothing is left."""
    desk.proxy.bytes_per_second = SLOW
    desk.proxy.hold_after(HALF_BYTES)
    ids = await asyncio.gather(*(web.start(template="pulled") for _ in range(2)))
    for session_id in ids:
        await between(web, session_id)
    assert (desk.engine.pulls, desk.proxy.connections > 0) == (1, True)
    for session_id in ids:
        assert (await web.terminate(session_id))["reason"] == "Terminated"
    await desk.require_nothing()
    await runs(web)


async def test_a_pull_that_stands_still_is_given_up(web: WebServer, desk: Desk) -> None:
    """``startup_timeout`` after its last sign of life, and the engine stops as well."""
    desk.write_template("command: [sleep, infinity]\nsession: {startup_timeout: 3s}")
    desk.proxy.bytes_per_second = SLOW
    desk.proxy.hold_after(HALF_BYTES)
    ended = await web.ending_of(template="pulled")
    assert ended["reason"] == "StartTimeout"
    assert f"pull of the image {desk.reference} stood still at" in ended["message"]
    await desk.require_nothing()


async def test_a_registry_that_dies_half_way(web: WebServer, desk: Desk) -> None:
    """It is said how far the pull had come; when the registry is back, so is the image."""
    desk.proxy.bytes_per_second = SLOW
    desk.proxy.cut_after(HALF_BYTES)
    failed = await web.ending_of(template="pulled")
    assert failed["reason"] == "ImagePullFailed"
    assert f"The pull of the image {desk.reference} broke off at " in failed["message"]
    assert " at 0%" not in failed["message"]
    await desk.require_nothing()
    await runs(web)


async def test_an_engine_that_goes_away_during_a_pull(
    site: Surroundings, registry: Registry
) -> None:
    """The pull begins anew when the engine is back; its progress does not go back."""
    async with (
        installed_daemon(site, expected_errors={"engine_lost"}) as daemon,
        engine_proxy(daemon.directory / "engine.sock") as engine,
        standing(daemon, engine, registry) as desk,
    ):
        desk.log_in()
        daemon.engine_url = engine.url
        await daemon.start()
        await until_ready(daemon)
        desk.proxy.bytes_per_second = SLOW
        desk.proxy.hold_after(HALF_BYTES)
        async with WebServer(daemon) as web:
            session_id = await web.start(template="pulled")
            await between(web, session_id)
            await engine.cut()
            await eventually(lambda: desk.proxy.connections == 0, "the engine has stopped")
            await web.until(session_id, "unknown")
            await engine.mend()
            desk.proxy.release()
            await web.until(session_id, "running")
            assert shown(web, session_id) == sorted(shown(web, session_id))
            await web.terminate(session_id)


@pytest.mark.parametrize(
    ("policy", "looks"), [("always", 2), ("missing", 1), ("if_not_present", 1), ("never", 0)]
)
async def test_when_the_registry_is_asked(
    web: WebServer, desk: Desk, policy: str, looks: int
) -> None:
    """Two starts, one after the other, and how often each policy looks for the image's tag."""
    desk.write_template(f"command: 'true'\npull_policy: {policy}")
    reasons = [(await web.ending_of(template="pulled"))["reason"] for _ in range(2)]
    assert reasons == (["ImageNotFound"] if policy == "never" else ["CommandExited"]) * 2
    assert len(desk.proxy.asked("HEAD", "manifests")) == looks


async def refused(web: WebServer, desk: Desk, *words: str | Path) -> None:
    """A start now fails, and its message has the registry's name and these words, no secret."""
    ended = await web.ending_of(template="pulled")
    assert ended["reason"] == "ImagePullFailed", ended
    message = ended["message"]
    wanted = [desk.proxy.address, str(desk.config), *map(str, words)]
    assert [word for word in wanted if word not in message] == [], message
    assert not [secret for secret in desk.daemon.secrets if secret in message]


async def test_wrong_credentials_are_told(web: WebServer, desk: Desk) -> None:
    """Registry, file and what to do are named; once it is done, the next start succeeds."""
    wrong = base64.b64encode(f"{USER}:wrong".encode()).decode()
    desk.daemon.secrets.add(wrong)
    command = f"docker --config {desk.config.parent} login {desk.proxy.address}"
    desk.log_in({"auth": wrong})
    await refused(web, desk, "are those of", command)
    desk.log_in({})
    await refused(web, desk, "has none", command)
    desk.config.write_text('{"auths": {')
    await refused(web, desk, "cannot be used", command)
    assert any(line["event"] == "docker_config_ignored" for line in desk.daemon.logged())
    desk.config.unlink()
    await refused(web, desk, "there is no", command)
    await desk.require_nothing()
    desk.log_in({"username": USER, "password": desk.registry.password})
    await runs(web)


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
async def test_a_credential_helper_is_asked(web: WebServer, desk: Desk, key: str) -> None:
    """One that is missing, fails or is wrong is named; one that knows opens the registry."""
    desk.write_config({key: {desk.proxy.address: "tests"} if key == "credHelpers" else "tests"})
    name = "docker-credential-tests"
    program = Path(desk.daemon.environment["PATH"].partition(":")[0]) / name
    await refused(web, desk, f"{name}, which", "is not on the daemon's PATH")
    write_helper(program, f"echo {desk.registry.password}; exit 1")
    await refused(web, desk, f"{name}, which", "failed with exit code 1")
    write_helper(program, "echo 'credentials not found in native keychain'; exit 1")
    await refused(web, desk, f"{name}, which", "has none")
    write_helper(program, answer("wrong"))
    await refused(web, desk, f"{name}, which", "are those of")
    write_helper(program, answer(desk.registry.password))
    await runs(web)
    program.unlink()


def write_helper(program: Path, script: str) -> None:
    """A shell script in its place."""
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def answer(secret: str) -> str:
    """What a helper does that knows."""
    return f"""echo '{{"Username": "{USER}", "Secret": "{secret}"}}'"""


async def test_a_registry_that_wants_tokens(
    web: WebServer, daemon: Daemon, engine: EngineProxy, store: Path, tmp_path: Path
) -> None:
    """An identity token from ``config.json`` is exchanged by the engine; without it, no image."""
    token = "identity-token-of-the-tests"
    daemon.secrets.add(token)
    async with (
        token_server(token) as realm,
        running_registry(
            tmp_path, store / "storage", auth={"silly": {"realm": realm, "service": "tests"}}
        ) as registry,
        standing(daemon, engine, registry) as desk,
    ):
        desk.log_in({})
        await refused(web, desk, "has none")
        desk.log_in({"identitytoken": token})
        await runs(web)


@asynccontextmanager
async def token_server(identity_token: str) -> AsyncIterator[str]:
    """Gives an access token for the identity token, and for nothing else; its address."""

    async def exchange(request: http.Request) -> http.Response:
        form = await request.post()
        if (form.get("grant_type"), form.get("refresh_token")) == ("refresh_token", identity_token):
            return http.json_response({"access_token": "any", "expires_in": 60})
        return http.json_response({"details": "denied"}, status=401)

    application = http.Application()
    application.router.add_route("*", "/token", exchange)
    runner = http.AppRunner(application)
    await runner.setup()
    await http.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    finally:
        await runner.cleanup()
