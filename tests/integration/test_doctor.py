"""``fxctl doctor`` on a real daemon and engine: each fault that is planted is named alone."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.altered_engine import altered_engine
from tests.support.daemon import PATH, Daemon, installed_daemon, until_ready
from tests.support.disks import small_disk
from tests.support.doctor_faults import FAULTS, Stage
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

DOCTOR_SECONDS = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(site: Surroundings) -> AsyncIterator[Stage]:
    """A daemon on an engine whose words can be altered, and a web server that listens to it."""
    directory = Path(tempfile.mkdtemp(prefix="fxd-", dir="/tmp"))
    directory.chmod(0o755)
    try:
        async with (
            altered_engine(directory / "engine.sock") as engine,
            installed_daemon(site, expected_errors=("engine_lost",)) as daemon,
        ):
            daemon.engine_url = engine.url
            await daemon.start()
            await until_ready(daemon)
            async with WebServer(daemon):
                yield Stage(daemon, engine)
    finally:
        shutil.rmtree(directory)


async def doctor(
    daemon: Daemon,
    *options: str,
    before: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Run it as an administrator, who knows the socket and nothing else; exit code and results."""
    process = await asyncio.create_subprocess_exec(
        *before,
        str(daemon.site.venv / "bin" / "fxctl"),
        *("--json", "--socket", str(daemon.socket), "doctor", *options),
        env={"PATH": PATH, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(DOCTOR_SECONDS):
        output, complaint = await process.communicate()
    assert output, complaint.decode()
    assert not complaint, complaint.decode()
    assert process.returncode is not None
    return process.returncode, json.loads(output)


def named(document: dict[str, Any]) -> dict[str, str]:
    """What is not as it should be, with its verdict."""
    return {
        check["name"]: check["verdict"]
        for check in document["checks"]
        if check["verdict"] in {"warning", "fault"}
    }


def skipped(document: dict[str, Any]) -> set[str]:
    """What could not be known."""
    return {check["name"] for check in document["checks"] if check["verdict"] == "skipped"}


async def test_all_is_well(stage: Stage) -> None:
    """Not a warning, and nothing that root could not find out."""
    code, document = await doctor(stage.daemon, "--user", stage.daemon.site.user)
    assert (code, named(document), skipped(document)) == (0, {}, set()), document
    assert document["summary"]["ok"] == len(document["checks"])


async def test_who_may_not_look_is_told_so(stage: Stage) -> None:
    """Its own user sees all; the sessions' user is denied, and no check fails in another way."""
    code, output, complaint = await stage.daemon.execute("fxctl", "--json", "doctor")
    assert (code, complaint) == (0, "")
    assert named(json.loads(output)) == {}
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--reuid", stage.daemon.site.user, "--clear-groups"),
        *("--regid", str(stage.daemon.site.account.pw_gid)),
        str(stage.daemon.site.venv / "bin" / "fxctl"),
        *("--json", "--socket", str(stage.daemon.socket), "doctor"),
        env={"PATH": PATH, "FX_CONFIG_DIR": str(stage.daemon.config)},
        stdout=subprocess.PIPE,
    )
    output_bytes, _ = await process.communicate()
    document = json.loads(output_bytes)
    assert named(document) == {}, document
    assert {"daemon", "orphans", "descriptors", "state-directory"} <= skipped(document)
    assert "as root" in next(c["found"] for c in document["checks"] if c["name"] == "daemon")


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_named_and_no_other(stage: Stage, name: str) -> None:
    """With what to do about it, and an exit code for scripts."""
    plant, checks, verdict = FAULTS[name]
    with plant(stage):
        code, document = await doctor(stage.daemon, "--user", stage.daemon.site.user)
    assert named(document) == dict.fromkeys(checks.split(","), verdict), document
    assert code == (verdict == "fault")
    told = [each for each in document["checks"] if each["verdict"] == verdict]
    assert all(each["found"] and each["advice"] for each in told)
    assert "hunter2" not in json.dumps(document)


async def test_an_engine_that_is_away(stage: Stage) -> None:
    """It is the engine's fault and nobody else's; what needs it is not known."""
    await stage.engine.cut()
    try:
        code, document = await doctor(stage.daemon)
        assert (code, named(document)) == (1, {"engine": "fault"}), document
        assert {"limits", "images", "perl"} <= skipped(document)
    finally:
        await stage.engine.mend()
    await until_ready(stage.daemon)


@contextmanager
def made_up_user(home: Path) -> Iterator[str]:
    """A user of this host."""
    name = f"fxdoc{secrets.token_hex(3)}"
    useradd = ("useradd", "--no-create-home", "--home-dir", str(home), name)
    subprocess.run(useradd, check=True, timeout=60)  # noqa: S603 made above
    try:
        yield name
    finally:
        subprocess.run(("userdel", name), check=True, timeout=60)  # noqa: S603, S607 likewise


@pytest.mark.parametrize("bits", [None, 0o000, 0o700])
async def test_a_home_that_is_missing_or_closed(stage: Stage, tmp_path: Path, bits: int) -> None:
    """Missing; not its owner's to enter; or another's."""
    home = tmp_path / "home"
    with made_up_user(home) as user:
        if bits is not None:
            home.mkdir()
            home.chmod(bits)
            if not bits:
                shutil.chown(home, user)
        code, document = await doctor(stage.daemon, "--user", user)
        assert (code, named(document)) == (1, {"home": "fault"}), document


async def test_a_home_that_the_engine_does_not_see(stage: Stage, tmp_path: Path) -> None:
    """As behind root_squash: it is there for us, in a mount namespace of ours, and not for it."""
    with made_up_user(tmp_path / "home") as user:
        prepare = (
            f"mount -t tmpfs fx-test {tmp_path} && install -d -m 700 -o {user} {tmp_path}/home"
        )
        apart = ("unshare", "--mount", "sh", "-c", f'{prepare} && exec "$@"', "sh")
        code, document = await doctor(stage.daemon, "--user", user, before=apart)
        assert (code, named(document)) == (1, {"home-mount": "fault"}), document


async def test_a_user_who_may_have_no_session(stage: Stage) -> None:
    """Root, for one, and somebody whom nobody knows."""
    for user in ("root", "fx-nobody-there"):
        code, document = await doctor(stage.daemon, "--user", user, "--check", "user")
        assert (code, named(document)) == (1, {"user": "fault"}), document


@asynccontextmanager
async def another_daemon(site: Surroundings, stack: ExitStack, disk: str) -> AsyncIterator[Daemon]:
    """One that has not been started, with a small disk in place of one of its directories."""
    async with installed_daemon(site) as daemon:
        if disk:
            stack.enter_context(small_disk(getattr(daemon, disk)))
        with stack:
            yield daemon
            await daemon.end()


async def test_a_daemon_that_is_down(site: Surroundings) -> None:
    """The rest is looked at on the host itself."""
    async with installed_daemon(site) as daemon:
        places = {"FX_CONFIG_DIR": str(daemon.config), "FX_LOCAL_DIR": str(daemon.local)}
        code, document = await doctor(daemon, "--user", site.user, environment=places)
        assert (code, named(document)) == (1, {"daemon": "fault"}), document
        assert skipped(document) == {
            *("ready", "version", "web-server", "webhook", "audit", "orphans"),
            *("config-current", "descriptors"),
        }


async def test_a_web_server_that_never_came(site: Surroundings) -> None:
    """A warning, until somebody follows the events."""
    async with installed_daemon(site) as daemon:
        await daemon.start()
        await until_ready(daemon)
        code, document = await doctor(daemon)
        assert (code, named(document)) == (0, {"web-server": "warning"}), document
        async with WebServer(daemon):
            assert named((await doctor(daemon))[1]) == {}

        async def missed() -> bool:
            _, document = await doctor(daemon, "--check", "web-server")
            return "last one was at" in document["checks"][0]["found"]

        await eventually(missed, "the web server is missed")


@pytest.mark.parametrize(("disk", "check"), [("local", "state-disk"), ("run", "run-disk")])
async def test_a_disk_that_is_full(site: Surroundings, disk: str, check: str) -> None:
    """That of the database, and that of the sockets."""
    async with another_daemon(site, ExitStack(), disk) as daemon:
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon):
            code, document = await doctor(daemon)
            assert (code, named(document)) == (1, {check: "fault"}), document
