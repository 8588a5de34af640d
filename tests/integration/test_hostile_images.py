"""What an image says of itself and what it holds reaches neither neighbours nor the daemon."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.daemon import Daemon
from tests.support.engine import LABEL, DockerFailedError, docker, inspect, run_in
from tests.support.eventually import eventually
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

Build = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def build(daemon: Daemon) -> AsyncIterator[Build]:
    """Makes an image: what is executed in a container of the sample image, and its changes."""
    made: list[str] = []

    async def make(script: str, *changes: str) -> str:
        name = f"fx-hostile-{secrets.token_hex(4)}:1"
        told = [word for change in changes for word in ("--change", change)]
        container = name.removesuffix(":1")
        shell = ("--user", "0", "--entrypoint", "/bin/sh", daemon.site.sample, "-ec", script)
        await docker("run", "--name", container, *shell)
        try:
            await docker("commit", *told, container, name)
            made.append(name)
        finally:
            await docker("rm", "-f", container)
        return name

    yield make
    for name in made:
        await docker("rmi", "-f", name)


def start_of(daemon: Daemon, image: str) -> str:
    """A template of this image; its name."""
    name = image.removesuffix(":1")
    daemon.write_template(name, f"image: {image}\ncommand: xterm\nworking_dir: /\n")
    return name


async def volumes_with(name: str) -> list[Path]:
    """The engine's volumes that hold a file of this name."""
    root = Path((await docker("info", "--format", "{{.DockerRootDir}}")).strip())
    return list((root / "volumes").glob(f"*/_data/{name}"))


async def test_what_an_image_says_of_itself(web: WebServer, daemon: Daemon, build: Build) -> None:
    """Neither its user, program or labels count; what it stores ends with the session."""
    marker = f"fx-{secrets.token_hex(8)}"
    async with web.session() as neighbour:
        image = await build(
            f"mkdir /kept && touch /kept/{marker}",
            "USER root",
            'ENTRYPOINT ["/bin/false"]',
            'CMD ["/bin/false"]',
            "VOLUME /kept",
            "HEALTHCHECK --interval=1s CMD false",
            "ONBUILD RUN false",
            f"LABEL {LABEL}.probe=true {LABEL}.kept=true {LABEL}.owner=somebody",
            f"LABEL {LABEL}.session={neighbour['id']} {LABEL}.user=root",
        )
        async with web.session(template=start_of(daemon, image)) as session:
            container = session["container_id"]
            found = (await inspect(container))["Config"]["Labels"]
            told = {key: found[f"{LABEL}.{key}"] for key in ("owner", "session", "user")}
            user = daemon.site.user
            assert told == {"owner": daemon.owner, "session": session["id"], "user": user}
            ids = await run_in(container, "cat", "/proc/1/status")
            uid = str(daemon.site.account.pw_uid)
            (line,) = (each.split() for each in ids.splitlines() if each.startswith("Uid:"))
            assert set(line[1:]) == {uid}
            for _ in range(2):
                answer = await web.call("POST", "/v1/reconcile", {"dry_run": False})
                assert answer.status == 200, answer.text
            assert (await web.get(session["id"]))["phase"] == "running"
            assert await volumes_with(marker), "a volume of the image's holds what the image does"
            ended = await web.terminate(session["id"])
            assert ended["reason"] == "Terminated"
        assert (await web.get(neighbour["id"]))["phase"] == "running"

        async def gone() -> bool:
            return not await volumes_with(marker)

        await eventually(gone, "no volume is left of the session, nor of reading the image")


async def test_what_an_image_holds_is_read_within_bounds(
    web: WebServer, daemon: Daemon, build: Build
) -> None:
    """A user database of any size, a perl that is a directory: the daemon takes a part of it."""
    heavy = "mkdir /usr/local/sbin/perl && truncate -s 64M /usr/local/sbin/perl/x"
    session = web.session(template=start_of(daemon, await build(heavy)))
    async with session as running:
        assert running["phase"] == "running"
    image = await build("truncate -s 64M /etc/passwd")
    ended = await web.ending_of(template=start_of(daemon, image))
    assert ended["reason"] == "EngineRefused"
    assert "/etc/passwd has 67108864 bytes, and 1048576 are read at most" in ended["message"]
    with suppress(DockerFailedError):
        left = await docker("ps", "-aq", "--filter", f"label={LABEL}.probe")
        assert left == ""
