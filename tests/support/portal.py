"""A portal: the installed program, as its own user, on a directory and a port of its own.

For tests, the demo and the bench. ``origin`` is how a browser calls it, through all its lives.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.eventually import eventually
from tests.support.lines import whole_lines

PORTAL_USER = "fastx-portal"
HOST = "127.0.0.1"
SECONDS = 20.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Portal:
    """One installation, through any number of lives of its process."""

    def __init__(
        self, venv: Path, directory: Path, upstream: Path, config: Mapping[str, Any], port: int = 0
    ) -> None:
        """``directory``: an empty one, for it alone; ``upstream``: the web server's socket."""
        self.directory = directory
        self.port = port or free_port()
        self.process: asyncio.subprocess.Process | None = None
        self._venv = venv
        self._scheme = "https" if "certificate_file" in config.get("listen", {}) else "http"
        relay = {"socket": str(upstream), **config.get("upstream", {})}
        self._lay_out({**config, "upstream": relay})

    @property
    def origin(self) -> str:
        """How a browser calls it."""
        return f"{self._scheme}://{HOST}:{self.port}"

    @property
    def log_text(self) -> str:
        """What all its lives have written to standard error."""
        return whole_lines(self.directory / "log")

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Begin a life, and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self.process = await self._spawn("run", stdout=log, stderr=log)
        await eventually(self._answers, "the portal answers", within=SECONDS)

    async def stop(self) -> int:
        """End it in order; the exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """End it as a crash would, if it lives."""
        return await self._end(signal.SIGKILL) if self.lives else 0

    async def link(self, user: str, *options: str) -> str:
        """A one-time link that signs this user in."""
        process = await self._spawn("link", "--user", user, *options, stdout=subprocess.PIPE)
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode().strip()

    async def _answers(self) -> bool:
        assert self.lives, f"the portal has ended:\n{self.log_text}"
        async with aiohttp.ClientSession() as http:
            try:
                # Whose certificate it is, is for browsers to look at.
                async with http.get(f"{self.origin}/healthz", ssl=False) as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()

    async def _spawn(self, *arguments: str, **streams: Any) -> asyncio.subprocess.Process:  # noqa: ANN401 files and numbers
        command = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            command += ["--reuid", PORTAL_USER, "--regid", PORTAL_USER, "--groups", "shadow"]
        return await asyncio.create_subprocess_exec(
            *(*command, str(self._venv / "bin" / "fx-portal"), *arguments),
            cwd="/",
            env={
                "PATH": PATH,
                "HOME": str(self.directory),
                "FX_CONFIG_DIR": str(self.directory),
                "FX_PORTAL_DIR": str(self.directory / "state"),
            },
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for who has started it
            **streams,
        )

    def _lay_out(self, config: Mapping[str, Any]) -> None:
        (self.directory / "state").mkdir(mode=0o700)
        self.directory.chmod(0o755)
        if os.geteuid() == 0:
            account = pwd.getpwnam(PORTAL_USER)
            os.chown(self.directory / "state", account.pw_uid, account.pw_gid)
        listen = {"host": HOST, "port": self.port, **config.get("listen", {})}
        document = {**config, "listen": listen}
        # JSON is YAML.
        (self.directory / "portal.yaml").write_text(json.dumps(document, indent=2) + "\n")


@asynccontextmanager
async def running_portal(
    venv: Path,
    directory: Path,
    upstream: Path,
    config: Mapping[str, Any] | None = None,
    port: int = 0,
) -> AsyncIterator[Portal]:
    """A portal that answers; afterwards it has ended, in order if it lived."""
    directory.mkdir()
    portal = Portal(venv, directory, upstream, config or {}, port)
    try:
        await portal.start()
        yield portal
        if portal.lives:
            assert await portal.stop() == 0, portal.log_text
    finally:
        await portal.kill()


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
