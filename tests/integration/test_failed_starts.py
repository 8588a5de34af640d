"""Starts that are accepted and cannot succeed: the session ends, its reason and message say why."""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.daemon import Daemon, running_daemon
from tests.support.engine import containers
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer, Wire

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

PULL_SECONDS = 15


@pytest.fixture(autouse=True)
async def nothing_is_left(web: WebServer) -> AsyncIterator[None]:
    """Whatever failed has neither container nor files any more."""
    yield
    assert await containers("owner", web.daemon.owner) == []
    assert [path.name for path in (web.daemon.run / "sessions").iterdir()] == []


def failed(ended: Wire, reason: str, *words: str | Path) -> None:
    """It never ran, for this reason, and the message holds these words."""
    assert ended["reason"] == reason, ended
    assert ended["ready_at"] is None
    assert [word for word in words if str(word) not in ended["message"]] == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One whose policy leaves it to the engine to refuse."""
    policy = {"mount_sources": ["/tmp", "/srv"], "runtimes": ["*"]}
    async with running_daemon(site, config={"policy": policy}) as running:
        yield running


async def test_an_image_that_may_not_be_pulled_is_not_found(web: WebServer, daemon: Daemon) -> None:
    """With ``pull_policy: never`` only what is on the machine can be started."""
    daemon.write_template("never", "image: fx-absent:1\npull_policy: never\ncommand: xterm\n")
    failed(await web.ending_of(template="never"), "ImageNotFound", "fx-absent:1", "pull_policy")


async def test_a_registry_that_does_not_answer_is_told(web: WebServer, daemon: Daemon) -> None:
    """What the engine says of the pull is in the message, with the image's name."""
    daemon.write_template("refused", "image: 127.0.0.1:1/absent:1\ncommand: xterm\n")
    ended = await web.ending_of(template="refused")
    failed(ended, "ImagePullFailed", "127.0.0.1:1/absent:1", "connection refused")


async def test_a_registry_without_the_image_is_told(web: WebServer, daemon: Daemon) -> None:
    """A registry that answers and has no such image is no mystery either."""
    async with registry(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as address:
        daemon.write_template("unknown", f"image: {address}/absent:1\ncommand: xterm\n")
        ended = await web.ending_of(template="unknown")
    assert ended["reason"] in {"ImagePullFailed", "ImageNotFound"}
    assert f"{address}/absent:1" in ended["message"]


async def test_a_session_that_waits_for_a_pull_can_be_ended(web: WebServer, daemon: Daemon) -> None:
    """A registry that never answers holds up nobody who wants to end the session."""
    async with registry(None) as address:
        daemon.write_template("hanging", f"image: {address}/slow:1\ncommand: xterm\n")
        session_id = await web.start(template="hanging")
        await web.until(session_id, "starting")
        async with asyncio.timeout(PULL_SECONDS):
            ended = await web.terminate(session_id)
    failed(ended, "Terminated")


async def test_a_start_that_takes_too_long_is_given_up(web: WebServer, daemon: Daemon) -> None:
    """``startup_timeout`` ends what is not ready by then, and the message names it."""
    async with registry(None) as address:
        daemon.write_template(
            "late",
            f"image: {address}/slow:1\ncommand: xterm\nsession: {{startup_timeout: 500ms}}\n",
        )
        ended = await web.ending_of(template="late")
    failed(ended, "StartTimeout", "0.5 s", "startup_timeout")


async def test_an_image_without_perl_is_told(web: WebServer, daemon: Daemon) -> None:
    """The one thing that an image needs is asked for by name, and no container is started."""
    daemon.write_template("mute", f"image: {daemon.site.no_perl}\ncommand: xterm\n")
    for _ in range(2):
        ended = await web.ending_of(template="mute")
        failed(ended, "PerlMissing", daemon.site.no_perl, "perl-base")
        assert ended["container_id"] is None


async def test_a_mount_without_a_source_is_told(
    web: WebServer, daemon: Daemon, tmp_path: Path
) -> None:
    """The missing directory is named, and not made by the engine either."""
    missing = tmp_path / "projects"
    daemon.write_template(
        "mounting",
        f"image: {daemon.site.sample}\ncommand: xterm\nvolumes: ['{missing}:/projects']\n",
    )
    failed(await web.ending_of(template="mounting"), "MountMissing", missing)
    assert not missing.exists()


async def test_a_user_without_a_home_is_told(site: Surroundings) -> None:
    """The shipped template mounts HOME; that of ``_apt`` (Debian's) does not exist."""
    config = {"identity": {"min_uid": pwd.getpwnam("_apt").pw_uid}}
    async with running_daemon(site, config=config) as daemon, WebServer(daemon) as web:
        ended = await web.ending_of(user="_apt")
    failed(ended, "MountMissing", "/nonexistent")


async def test_what_the_engine_refuses_is_told_in_its_words(web: WebServer, daemon: Daemon) -> None:
    """A sound template can still ask for what this engine has not got."""
    daemon.write_template(
        "exotic", f"image: {daemon.site.sample}\ncommand: xterm\nruntime: fx-no-such-runtime\n"
    )
    failed(await web.ending_of(template="exotic"), "EngineRefused", "fx-no-such-runtime")


async def test_one_that_fails_does_not_hinder_another(web: WebServer, daemon: Daemon) -> None:
    """Failures and a success side by side, each with its own end."""
    daemon.write_template("mute", f"image: {daemon.site.no_perl}\ncommand: xterm\n")
    daemon.write_template("never", "image: fx-absent:1\npull_policy: never\ncommand: xterm\n")
    mute, never, good = await asyncio.gather(
        web.ending_of(template="mute"),
        web.ending_of(template="never"),
        web.ending_of(command="exit 5"),
    )
    assert (mute["reason"], never["reason"]) == ("PerlMissing", "ImageNotFound")
    assert (good["reason"], good["exit_code"]) == ("CommandExited", 5)


@asynccontextmanager
async def registry(answer: bytes | None) -> AsyncIterator[str]:
    """A registry on loopback with one answer to everything, or none at all; its address."""
    met: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer)
        if answer is None:
            await reader.read()
        elif await reader.readexactly(1) == b"G":
            # Not the beginning of TLS, which the engine tries first.
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.close()
        # The engine may keep what it has opened.
        for writer in met:
            writer.transport.abort()
