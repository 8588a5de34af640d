"""A daemon of the demo's own: its directory, its configuration, its process."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STOP_SECONDS = 20.0
FORWARDED = ("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "LANG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the daemon is started with."""

    venv: Path
    bundle: Path
    parent: Path
    daemon_user: str
    web_users: tuple[str, ...]
    """Who may use the web server's socket, beside root and the daemon's user."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that runs."""

    directory: Path
    process: asyncio.subprocess.Process

    @property
    def run(self) -> Path:
        """Its run-time directory."""
        return self.directory / "run"

    @property
    def socket(self) -> Path:
        """The web server's socket."""
        return self.run / "web.sock"

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.directory / "daemon.log"

    def require_alive(self) -> None:
        """Raise DemoError if it has ended."""
        if self.process.returncode is not None:
            raise DemoError(f"the daemon ended with exit code {self.process.returncode}.")


@asynccontextmanager
async def running_daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """Run a daemon within the block; afterwards it has ended and its directory is gone."""
    directory = Path(tempfile.mkdtemp(prefix="fastx-demo-", dir=settings.parent))
    try:
        _prepare(directory, settings)
        daemon = Daemon(directory, await _start(directory, settings))
        try:
            yield daemon
        finally:
            await _stop(daemon.process)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _prepare(directory: Path, settings: Settings) -> None:
    (directory / "demo.pid").write_text(str(os.getpid()))
    directory.chmod(0o755)
    account = pwd.getpwnam(settings.daemon_user)
    for name, mode in (("run", 0o755), ("state", 0o700), ("config", 0o755)):
        made = directory / name
        made.mkdir()
        made.chmod(mode)
        os.chown(made, account.pw_uid, account.pw_gid)
    configuration = {
        "agent": {"bundle": str(settings.bundle.resolve())},
        "relay": {"web": {"allow_users": list(settings.web_users)}},
        "log": {"level": "info", "format": "json"},
    }
    # JSON is YAML.
    text = json.dumps(configuration, indent=2)
    (directory / "config" / "supervisor.yaml").write_text(text + "\n")


async def _start(directory: Path, settings: Settings) -> asyncio.subprocess.Process:
    account = pwd.getpwnam(settings.daemon_user)
    # Whatever kills the demo, its daemon does not outlive it.
    command = ["setpriv", "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        command += ["--reuid", account.pw_name, "--regid", str(account.pw_gid), "--init-groups"]
    command += [str(settings.venv / "bin" / "fx-supervisor"), "run"]
    command += ["--config", str(directory / "config" / "supervisor.yaml")]
    command += ["--runtime-dir", str(directory / "run")]
    environment = {name: os.environ[name] for name in FORWARDED if name in os.environ} | {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(directory / "state"),
        "FX_CONFIG_DIR": str(directory / "config"),
        "FX_LOCAL_DIR": str(directory / "state"),
    }
    with (directory / "daemon.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd="/",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the demo, which first ends the session
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        print(f"the daemon did not stop within {STOP_SECONDS:.0f} s and was killed")
        process.kill()
        await process.wait()
