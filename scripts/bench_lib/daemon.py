"""A daemon of our own for the length of a measurement, and a web server's view of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from scripts.bench_lib.wire import call, request_bytes
from supervisor.engine import labels
from tests.support.rfb_client import RfbClient, WebSocketStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

READY_SECONDS = 120
LOOK_AGAIN_SECONDS = 0.01
REMOVED_AT_ONCE = 10

TEMPLATE = """
# As little as a session can be: an X server, and a command that waits.
image: fx-perl-base:trixie
command: ${start.command:-exec perl -e 'sleep 3600 while 1'}
volumes: ["${user.home}:${user.home}"]
working_dir: ${user.home}
network_mode: none
session: {startup_timeout: 10m, window_manager: none}
"""


class WebServer:
    """What a web server does: calls, and one event stream for all sessions."""

    def __init__(self, socket: Path) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket), limit=0))
        self._seen: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        self._news = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Follow the event stream from now on."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """End the stream and the connections."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        await self._http.close()

    async def start(self, user: str) -> tuple[str, float]:
        """POST a start; returns the session's id and when the POST was sent."""
        begun = time.perf_counter()
        async with self._http.post("http://fx/v1/sessions", json={"user": user}) as answer:
            session = await answer.json()
            if answer.status != 202:
                raise RuntimeError(session)
        return session["id"], begun

    async def session(self, session_id: str) -> dict[str, Any]:
        """The session as it is now."""
        async with self._http.get(f"http://fx/v1/sessions/{session_id}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def when(self, session_id: str, holds: Callable[[dict[str, Any]], Any]) -> float:
        """The moment at which the stream first showed the session to be so."""
        async with self._news:
            while True:
                for at, session in self._seen.get(session_id, ()):
                    if holds(session):
                        return at
                    if session["phase"] == "ended":
                        raise RuntimeError(f"{session['reason']}: {session['message']}")
                await self._news.wait()

    async def first_picture(self, session_id: str) -> float:
        """Connect a viewer with a ticket; the moment of its first framebuffer update."""
        async with self._http.post(
            f"http://fx/v1/sessions/{session_id}/tickets", json={}
        ) as answer:
            path = (await answer.json())["path"]
        async with (
            self._http.ws_connect(
                f"http://fx{path}", protocols=["binary"], max_msg_size=0
            ) as socket,
            RfbClient.connect(WebSocketStream(socket)) as screen,
        ):
            await screen.refresh()
            return time.perf_counter()

    async def terminate(self, session_id: str) -> None:
        """End the session and wait until it is over."""
        async with self._http.delete(f"http://fx/v1/sessions/{session_id}") as answer:
            answer.raise_for_status()

    async def _follow(self) -> None:
        async with self._http.get(
            "http://fx/v1/events", timeout=aiohttp.ClientTimeout(total=None)
        ) as answer:
            async for line in answer.content:
                if not line.startswith(b'data: {"id"'):
                    continue
                session = json.loads(line[6:])
                if "phase" not in session:
                    continue
                async with self._news:
                    self._seen.setdefault(session["id"], []).append((time.perf_counter(), session))
                    self._news.notify_all()


class Daemon:
    """The daemon of this checkout on directories of its own, through any number of lives."""

    def __init__(self, directory: Path, bundle: Path, *, in_memory: bool = False) -> None:
        self.directory = directory
        self.run = directory / "run"
        self.socket = self.run / "web.sock"
        self._in_memory = in_memory
        self._process: asyncio.subprocess.Process | None = None
        self.spawned_at = 0.0
        (directory / "launcher-templates").mkdir()
        (directory / "launcher-templates" / "bench.tpl").write_text(TEMPLATE)
        self.configure(bundle)
        self.containers = directory / "containers"
        self.containers.write_text("")

    def configure(self, bundle: Path, **sections: object) -> None:
        """Write the configuration; ``sections`` go beside what a bench always sets."""
        document = {"agent": {"bundle": str(bundle)}, "log": {"format": "json"}, **sections}
        (self.directory / "supervisor.yaml").write_text(json.dumps(document))

    @property
    def pid(self) -> int:
        """Of the process that lives now."""
        assert self._process is not None  # noqa: S101 it was started
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    def session_files(self, session_id: str) -> Path:
        """What the session's agent is given."""
        return self.run / "sessions" / session_id

    async def start(self) -> None:
        """Begin a life; does not wait for anything."""
        module = "scripts.bench_lib.memory_daemon" if self._in_memory else "supervisor"
        arguments = ["--containers", str(self.containers)] if self._in_memory else []
        environment = {
            **os.environ,
            "FX_CONFIG_DIR": str(self.directory),
            "FX_LOCAL_DIR": str(self.directory / "local"),
        }
        with (self.directory / "log").open("ab") as log:
            self.spawned_at = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", module),
                *("--runtime-dir", str(self.run), *arguments),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self) -> float:
        """Wait until it says that it is ready; seconds since it was spawned."""
        request = request_bytes("GET", "/readyz")
        async with asyncio.timeout(READY_SECONDS):
            while True:
                if not self.lives:
                    raise RuntimeError(f"the daemon has ended; its last words: {self.last_words()}")
                with contextlib.suppress(OSError, ValueError, IndexError):
                    if (await call(self.socket, request)).status == 200:
                        return time.monotonic() - self.spawned_at
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def end(self, number: signal.Signals) -> float:
        """Send the signal and wait for the end; seconds that it took."""
        begun = time.monotonic()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            await self._process.wait()
            self._process = None
        return time.monotonic() - begun

    def last_words(self) -> str:
        """The end of its log."""
        return (self.directory / "log").read_text()[-2000:]

    async def remove_containers(self) -> None:
        """Take away by force what carries this instance's label."""
        owner = self.directory / "local" / "instance-id"
        if self._in_memory or not owner.exists():
            return
        left = await docker(
            "ps", "-aq", "--filter", f"label={labels.OWNER}={owner.read_text().strip()}"
        )
        containers = left.split()
        for begin in range(0, len(containers), REMOVED_AT_ONCE):
            print(f"removing containers: {len(containers) - begin} left", flush=True)
            await docker("rm", "-f", *containers[begin : begin + REMOVED_AT_ONCE])


async def docker(*arguments: str) -> str:
    """Run the engine's command line; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("docker", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    output, _ = await process.communicate()
    return output.decode()


@asynccontextmanager
async def own_daemon(bundle: Path, *, in_memory: bool = False) -> AsyncIterator[Daemon]:
    """A daemon that has not been started; afterwards nothing of it is left."""
    # A short path: a socket's has but 107 bytes.
    with tempfile.TemporaryDirectory(prefix="fx-bench-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        daemon = Daemon(directory, bundle, in_memory=in_memory)
        try:
            yield daemon
        finally:
            # Killed, so that no session that goes now is told of, or started again.
            await daemon.end(signal.SIGKILL)
            await daemon.remove_containers()


@asynccontextmanager
async def running_daemon(directory: Path, bundle: Path) -> AsyncIterator[WebServer]:
    """A daemon that is ready, seen by a web server; it ends in order."""
    daemon = Daemon(directory, bundle)
    web = WebServer(daemon.socket)
    try:
        await daemon.start()
        await daemon.ready()
        await web.open()
        yield web
    finally:
        await web.close()
        await daemon.end(signal.SIGTERM)
