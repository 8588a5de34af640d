"""A daemon for tests: the installed program, as its own user, on directories of its own."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from tests.support.engine import containers, docker
from tests.support.eventually import eventually
from tests.support.lines import whole_lines
from tests.support.surroundings import Surroundings

DAEMON_USER = "fastx"
STOP_SECONDS = 20.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Daemon:
    """One installation, through any number of lives of its process."""

    def __init__(self, site: Surroundings, directory: Path, config: Mapping[str, Any]) -> None:
        self.site = site
        self.directory = directory
        self.run, self.local, self.config = (directory / name for name in ("run", "local", "etc"))
        self.process: asyncio.subprocess.Process | None = None
        self.engine_url: str | None = None
        self.environment: dict[str, str] = {}
        """Variables of its lives, beside the usual ones."""
        self.groups = True
        """Whether the daemon's user has its supplementary groups, that of the engine among them."""
        self.secrets: set[str] = set()
        """Tokens and tickets that were given out: none may ever be logged."""
        self._lay_out(config)

    @property
    def socket(self) -> Path:
        """The web server's socket."""
        return self.run / "web.sock"

    @property
    def owner(self) -> str:
        """The instance id on its containers' labels."""
        # The copy, for a test may have taken away what is in the state directory.
        return (self.run / "instance-id").read_text().strip()

    @property
    def log_text(self) -> str:
        """What all its lives have written to standard error."""
        return whole_lines(self.directory / "log")

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines, but for last words to the caller. Raises ValueError for one not JSON."""
        lines = self.log_text.splitlines()
        return [json.loads(line) for line in lines if not line.startswith("fx-supervisor: ")]

    def write_template(self, name: str, text: str) -> Path:
        """Put a template where administrators put theirs."""
        path = self.config / "launcher-templates" / f"{name}.tpl"
        path.write_text(text)
        return path

    def session_files(self, session_id: str) -> Path:
        """Where the session's own files are."""
        return self.run / "sessions" / session_id

    def token(self, session_id: str) -> str:
        """The bearer token of a session's agent."""
        document = json.loads((self.session_files(session_id) / "session.json").read_text())
        token: str = document["token"]
        self.secrets.add(token)
        return token

    async def execute(
        self, program: str, *arguments: str, stdin: bytes = b"", **environment: str
    ) -> tuple[int, str, str]:
        """Run an installed program as the daemon's user; exit code and both outputs."""
        process = await self._spawn(program, *arguments, environment=environment, log=None)
        async with asyncio.timeout(STOP_SECONDS):
            output, complaint = await process.communicate(stdin)
        assert process.returncode is not None
        return process.returncode, output.decode(), complaint.decode()

    async def start(self) -> None:
        """Begin a life; returns at once."""
        with (self.directory / "log").open("ab") as log:
            self.process = await self._spawn(
                *("fx-supervisor", "run", "--runtime-dir", str(self.run)),
                environment=self.environment,
                log=log,
            )

    async def wait_ended(self, within: float = STOP_SECONDS) -> int:
        """The exit code, once the process has ended."""
        assert self.process is not None
        async with asyncio.timeout(within):
            return await self.process.wait()

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.returncode is None

    async def stop(self) -> int:
        """End it in order; the exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """End it as a crash would, if it lives."""
        return await self._end(signal.SIGKILL) if self.lives else 0

    async def end(self) -> None:
        """Stop it if it lives; it has to take that well."""
        if self.lives:
            assert await self.stop() == 0, self.log_text

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await self.wait_ended()

    async def _spawn(
        self, program: str, *arguments: str, environment: dict[str, str], log: BinaryIO | None
    ) -> asyncio.subprocess.Process:
        command = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            groups = "--init-groups" if self.groups else "--clear-groups"
            command += ["--reuid", DAEMON_USER, "--regid", DAEMON_USER, groups]
        base = {
            "PATH": PATH,
            "HOME": str(self.local),
            "FX_CONFIG_DIR": str(self.config),
            "FX_LOCAL_DIR": str(self.local),
            "FX_SOCKET": str(self.socket),
        }
        if engine_url := self.engine_url or os.environ.get("DOCKER_HOST"):
            base["DOCKER_HOST"] = engine_url
        return await asyncio.create_subprocess_exec(
            *command,
            str(self.site.venv / "bin" / program),
            *arguments,
            cwd="/",
            env=base | environment,
            stdin=subprocess.DEVNULL if log is not None else subprocess.PIPE,
            stdout=subprocess.PIPE if log is None else log,
            stderr=subprocess.PIPE if log is None else log,
        )

    def _lay_out(self, config: Mapping[str, Any]) -> None:
        self.directory.chmod(0o755)
        (self.config / "launcher-templates").mkdir(parents=True)
        for made in (self.run, self.local):
            made.mkdir()
            if os.geteuid() == 0:
                account = pwd.getpwnam(DAEMON_USER)
                os.chown(made, account.pw_uid, account.pw_gid)
        document = {
            "agent": {"bundle": str(self.site.bundle), "heartbeat_seconds": 1},
            "log": {"level": "debug", "format": "json"},
            **config,
        }
        (self.config / "supervisor.yaml").write_text(json.dumps(document))


@asynccontextmanager
async def installed_daemon(
    site: Surroundings,
    *,
    config: Mapping[str, Any] | None = None,
    expected_errors: Collection[str] = (),
) -> AsyncIterator[Daemon]:
    """A daemon that has not been started; afterwards nothing of it is left, or the test fails.

    ``expected_errors`` are the events that its log may hold on level error.
    """
    # Short, for the path of a Unix socket has but 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="fxi-", dir="/tmp"))
    daemon = Daemon(site, directory, config or {})
    try:
        yield daemon
        await _files_gone(daemon)
        await daemon.end()
        left = await _remove_containers(daemon)
        assert not left, f"containers were left: {left}\n{daemon.log_text}"
        _require_clean_log(daemon, expected_errors)
    finally:
        await daemon.kill()
        await _remove_containers(daemon)
        shutil.rmtree(directory)


async def _files_gone(daemon: Daemon) -> None:
    """They go right after the end; a daemon that is stopped leaves them to its next life."""
    sessions = daemon.run / "sessions"
    if daemon.lives and sessions.exists():
        await eventually(lambda: not list(sessions.iterdir()), "session files are gone", within=10)


async def _remove_containers(daemon: Daemon) -> list[str]:
    """Remove what is left of its containers, and say what was."""
    if not (daemon.run / "instance-id").exists():
        return []
    left = await containers("owner", daemon.owner)
    for container in left:
        await docker("rm", "-f", container)
    return left


def _require_clean_log(daemon: Daemon, expected_errors: Collection[str]) -> None:
    """No secret, nothing unexpected, and no line about a session that does not name it."""
    if not (daemon.directory / "log").exists():
        return
    text = daemon.log_text
    assert not [secret for secret in daemon.secrets if secret in text], "a secret was logged"
    lines = daemon.logged()
    errors = [line for line in lines if line["level"] in {"error", "critical"}]
    unexpected = [line for line in errors if line["event"] not in expected_errors]
    assert not unexpected, f"logged: {[json.dumps(line)[:400] for line in unexpected]}"
    sessions = {line["session_id"] for line in lines if "session_id" in line}
    anonymous = [
        line
        for line in lines
        if "session_id" not in line and any(each in json.dumps(line) for each in sessions)
    ]
    assert not anonymous, f"lines about a session without session_id: {anonymous}"


@asynccontextmanager
async def running_daemon(
    site: Surroundings,
    *,
    config: Mapping[str, Any] | None = None,
    expected_errors: Collection[str] = (),
) -> AsyncIterator[Daemon]:
    """A daemon that is ready."""
    async with installed_daemon(site, config=config, expected_errors=expected_errors) as daemon:
        await daemon.start()
        await until_ready(daemon)
        yield daemon


async def until_ready(daemon: Daemon) -> None:
    """Wait until it says so."""

    async def answered() -> bool:
        process = daemon.process
        assert process is not None
        assert process.returncode is None, f"the daemon has ended:\n{daemon.log_text}"
        return await _is_ready(daemon.socket)

    await eventually(answered, "the daemon is ready")


async def _is_ready(socket: Path) -> bool:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as http:
        try:
            async with http.get("http://fx/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
