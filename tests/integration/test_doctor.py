"""``fxctl doctor`` on a real daemon and engine: each fault that is planted is named alone."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.altered_engine import AlteredEngine, altered_engine
from tests.support.daemon import PATH, Daemon, installed_daemon, until_ready
from tests.support.disks import small_disk
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

DOCTOR_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """An installation in which all is well, and what faults can be planted in."""

    daemon: Daemon
    engine: AlteredEngine

    @property
    def config_file(self) -> Path:
        """Its supervisor.yaml."""
        return self.daemon.config / "supervisor.yaml"


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


Plant = Callable[[Stage], AbstractContextManager[None]]


def says(path: str, **words: Any) -> Plant:  # noqa: ANN401 JSON
    """The engine says something else."""
    return lambda stage: stage.engine.altered(path, lambda document: document.update(words))


def template(text: str) -> Plant:
    """A template more."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = stage.daemon.write_template("planted", text.format(site=stage.daemon.site))
        yield
        path.unlink()

    return plant


def setting(**sections: Any) -> Plant:  # noqa: ANN401 JSON
    """Other words in supervisor.yaml, which looks as old as it was."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        status, before = stage.config_file.stat(), stage.config_file.read_text()
        document = json.loads(before)
        for section, words in sections.items():
            document[section] = {**document.get(section, {}), **words}
        _write_as_old(stage.config_file, json.dumps(document), status)
        yield
        _write_as_old(stage.config_file, before, status)

    return plant


def _write_as_old(path: Path, text: str, status: os.stat_result) -> None:
    path.write_text(text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def mode(bits: int, place: Callable[[Stage], Path]) -> Plant:
    """Another mode of a file or directory."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = place(stage)
        before = path.stat().st_mode & 0o7777
        path.chmod(bits)
        yield
        path.chmod(before)

    return plant


@contextmanager
def belongs_to_root(stage: Stage) -> Iterator[None]:
    """The state directory, as after a restore from a backup."""
    status = stage.daemon.local.stat()
    os.chown(stage.daemon.local, 0, 0)
    yield
    os.chown(stage.daemon.local, status.st_uid, status.st_gid)


@contextmanager
def changed_since(stage: Stage) -> Iterator[None]:
    """Supervisor.yaml was edited, and nobody has told the daemon."""
    status = stage.config_file.stat()
    os.utime(stage.config_file)
    yield
    os.utime(stage.config_file, ns=(status.st_atime_ns, status.st_mtime_ns))


def bundle(spoil: Callable[[Path], None]) -> Plant:
    """Another bundle: links to the real one, and one thing wrong."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="fxb-") as made:
            copy = Path(made) / "bundle"
            real = stage.daemon.site.bundle
            shutil.copytree(real, copy, copy_function=_link, symlinks=True)
            spoil(copy)
            with setting(agent={"bundle": str(copy)})(stage):
                yield

    return plant


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def _of_another_machine(copy: Path) -> None:
    program = copy / "bin" / "Xtigervnc"
    raw = bytearray(program.read_bytes())
    raw[18] = 183
    program.unlink()
    program.write_bytes(raw)


def secret(bits: int, text: str) -> Plant:
    """A webhook's secret in a file of this mode."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = stage.daemon.directory / "secret"
        path.write_text(text)
        path.chmod(bits)
        webhook = {"url": "http://127.0.0.1:9/", "secret_files": [str(path)]}
        with setting(relay={"webhook": webhook})(stage):
            yield
        path.unlink()

    return plant


GOOD_SECRET = "whsec_" + "A" * 43 + "="

FAULTS: dict[str, tuple[Plant, str, str]] = {
    "userns-remap": (
        says("/info", SecurityOptions=["name=seccomp,profile=default", "name=userns"]),
        "user-ids",
        "fault",
    ),
    "rootless": (
        says("/info", SecurityOptions=["name=seccomp,profile=default", "name=rootless"]),
        "user-ids",
        "fault",
    ),
    "no memory limit": (
        says("/info", MemoryLimit=False, Warnings=["WARNING: No memory limit support"]),
        "limits",
        "fault",
    ),
    "no pids limit": (says("/info", PidsLimit=False), "limits", "fault"),
    "limits dropped": (
        lambda stage: stage.engine.altered(
            "/containers/fx-probe-doctor-[^/]*/json",
            lambda document: document["HostConfig"].update(Memory=0),
        ),
        "limits",
        "fault",
    ),
    "no swap limit": (says("/info", SwapLimit=False), "limits", "warning"),
    "clock off": (says("/info", SystemTime="2020-01-01T00:00:00.123456789Z"), "clock", "fault"),
    "live-restore": (says("/info", LiveRestoreEnabled=True), "live-restore", "warning"),
    "API too old": (
        says("/version", ApiVersion="1.40", Version="19.03.15"),
        "engine-version",
        "fault",
    ),
    "slow storage": (says("/info", Driver="vfs"), "storage", "warning"),
    "no seccomp": (says("/info", SecurityOptions=[]), "confinement", "warning"),
    "no forwarding": (says("/info", IPv4Forwarding=False), "forwarding", "warning"),
    "full bridge": (
        says("/networks/[0-9a-f]{64}", Containers={f"{n:064x}": {} for n in range(1000)}),
        "networks",
        "fault",
    ),
    "closed engine socket": (
        mode(0o600, lambda stage: stage.engine.path),
        "engine-access",
        "fault",
    ),
    "broken template": (template("image: [\n"), "templates", "fault"),
    "forbidden template": (
        template("image: {site.sample}\nprivileged: true\n"),
        "template-policy",
        "fault",
    ),
    "image missing": (template("image: fx-nowhere:none\npull_policy: never\n"), "images", "fault"),
    "image to be fetched": (template("image: fx-nowhere:none\n"), "images", "warning"),
    "image without perl": (template("image: {site.no_perl}\n"), "perl", "fault"),
    "bundle missing": (setting(agent={"bundle": "/nonexistent"}), "bundle", "fault"),
    "bundle incomplete": (bundle(lambda copy: (copy / "bin/xkbcomp").unlink()), "bundle", "fault"),
    "bundle of another machine": (bundle(_of_another_machine), "bundle-architecture", "fault"),
    "unknown key": (setting(limits={"most_sessions": 3}), "config", "fault"),
    "unknown web user": (
        setting(relay={"web": {"allow_users": ["fx-nobody-there"]}}),
        "config",
        "fault",
    ),
    "config for everybody": (mode(0o666, lambda stage: stage.config_file), "config-files", "fault"),
    "templates for everybody": (
        mode(0o777, lambda stage: stage.daemon.config / "launcher-templates"),
        "config-files",
        "fault",
    ),
    "config not loaded": (changed_since, "config-current", "warning"),
    "policy gives away": (setting(policy={"allow": ["privileged"]}), "policy", "warning"),
    "secret for everybody": (secret(0o644, GOOD_SECRET), "secrets", "warning"),
    "secret that is none": (secret(0o600, "hunter2"), "secrets", "fault"),
    "secret not for the daemon": (secret(0o600, GOOD_SECRET), "secrets", "fault"),
    "run directory for everybody": (
        mode(0o777, lambda stage: stage.daemon.run),
        "run-directory",
        "fault",
    ),
    "sessions open": (
        mode(0o755, lambda stage: stage.daemon.run / "sessions"),
        "run-directory",
        "fault",
    ),
    "state directory for everybody": (
        mode(0o777, lambda stage: stage.daemon.local),
        "state-directory",
        "fault",
    ),
    "database open": (
        mode(0o644, lambda stage: stage.daemon.local / "supervisor.db"),
        "state-directory",
        "fault",
    ),
    "state directory of another": (belongs_to_root, "state-directory", "fault"),
    "too many sessions for a bridge": (
        setting(limits={"max_sessions": 1200}),
        "networks,processes",
        "warning",
    ),
}


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
            *("ready", "version", "web-server", "webhook", "orphans"),
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
