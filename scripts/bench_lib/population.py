"""Sessions by the hundred: started, followed by the event stream, and brought to ``running``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from scripts.bench_lib.daemon import Daemon
from scripts.bench_lib.wire import Answer, EventReader, call, request_bytes

AT_ONCE = 16
GROW_SECONDS = 1200.0
PROGRESS_SECONDS = 5.0


class Agent:
    """What a session's agent says, said by somebody else: for sessions without a container."""

    def __init__(self, daemon: Daemon, session_id: str) -> None:
        document = json.loads((daemon.session_files(session_id) / "session.json").read_text())
        self.authorization = {"Authorization": f"Bearer {document['token']}"}
        self.socket = daemon.run / "relay" / "session.sock"
        self._seq = 0

    def request(self, kind: str, **fields: object) -> bytes:
        """The next callback, as an agent would send it."""
        self._seq += 1
        body = {"seq": self._seq, "type": kind, "at": int(time.time()), **fields}
        return request_bytes("POST", "/v1/callbacks", self.authorization, body)

    async def say(self, kind: str, **fields: object) -> Answer:
        """Send it. Raises RuntimeError unless it is taken."""
        answer = await call(self.socket, self.request(kind, **fields))
        if answer.status != 204:
            raise RuntimeError(f"callback {kind}: {answer.status} {answer.body.decode()}")
        return answer


class Population:
    """The sessions of one daemon, as its event stream tells of them."""

    def __init__(self, daemon: Daemon, user: str, *, play_agents: bool) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, Agent] = {}
        """Of sessions whose agent is played here."""
        self.on_event: Callable[[float, bytes], None] | None = None
        """Told of each update as it arrives: monotonic seconds, the session object as bytes."""
        self.expected_reasons: set[str] = set()
        """Why a session may end without everything being in vain."""
        self._daemon = daemon
        self._user = user
        self._play_agents = play_agents
        self._reader: EventReader | None = None
        self._synced = False
        self._news = asyncio.Event()
        self._playing: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._ended: dict[str, Any] | None = None

    async def follow(self) -> None:
        """Follow the stream of the daemon's present life."""
        self.close()
        self.sessions.clear()
        self._synced = False
        self._reader = await EventReader.open(self._daemon.socket, self._take)
        await self.until(lambda: self._synced, "the first picture")

    async def _follow_again(self, lost: EventReader) -> None:
        """A reader that fell behind is cut off, and comes back by its number."""
        print("    ... the event stream was cut off: this reader fell behind", flush=True)
        self._reader = await EventReader.open(self._daemon.socket, self._take, lost.last_id)

    def close(self) -> None:
        """Follow no longer."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def count(self, phase: str) -> int:
        """How many are in this phase."""
        return sum(1 for session in self.sessions.values() if session["phase"] == phase)

    async def grow(self, count: int) -> float:
        """Start sessions until so many run; the seconds it took."""
        begun = time.monotonic()
        missing = count - self.count("running")
        request = request_bytes(
            "POST", "/v1/sessions", body={"user": self._user, "template": "bench"}
        )
        starting = asyncio.Semaphore(AT_ONCE)

        async def start() -> None:
            async with starting:
                answer = await call(self._daemon.socket, request)
            if answer.status != 202:
                raise RuntimeError(f"start: {answer.status} {answer.body.decode()}")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(missing):
                tasks.create_task(start())
            await self.until(
                lambda: self.count("running") >= count,
                lambda: f"{self.count('running')} of {count} sessions run",
            )
        return time.monotonic() - begun

    async def until(self, holds: Callable[[], bool], what: str | Callable[[], str]) -> None:
        """Wait for it, with a line every few seconds. Raises RuntimeError when one fails."""
        said = time.monotonic()
        async with asyncio.timeout(GROW_SECONDS):
            while not holds():
                self._news.clear()
                try:
                    async with asyncio.timeout(PROGRESS_SECONDS):
                        await self._news.wait()
                except TimeoutError:
                    pass
                if time.monotonic() - said >= PROGRESS_SECONDS:
                    said = time.monotonic()
                    print(f"    ... {what if isinstance(what, str) else what()}", flush=True)
                self._require_health()
                if self._reader is not None and self._reader.lost.done():
                    await self._follow_again(self._reader)

    def remember_containers(self) -> None:
        """Write down for the next engine in memory what runs on the present one."""
        lines = [
            f"{session['id']} {session['container_id']}\n"
            for session in self.sessions.values()
            if session["container_id"] is not None and session["phase"] != "ended"
        ]
        self._daemon.containers.write_text("".join(lines))

    def _take(self, at: float, event: bytes, data: bytes) -> None:
        if event == b"update":
            if self.on_event is not None:
                self.on_event(at, data)
            session = json.loads(data)
            self.sessions[session["id"]] = session
            if session["phase"] == "ended" and session["reason"] not in self.expected_reasons:
                self._ended = session
            if self._play_agents and session["phase"] == "starting" and session["container_id"]:
                self._play(session["id"])
        elif event == b"delete":
            self.sessions.pop(json.loads(data)["id"], None)
        elif event == b"synced":
            self._synced = True
        self._news.set()

    def _play(self, session_id: str) -> None:
        if session_id in self.agents:
            return
        agent = self.agents[session_id] = Agent(self._daemon, session_id)

        async def begin() -> None:
            await agent.say("started", agent_version="bench", perl="5.36.0", pid=7)
            await agent.say("ready", display=":1", geometry="1280x800")

        task = asyncio.create_task(begin())
        self._playing.add(task)
        task.add_done_callback(self._played)

    def _played(self, task: asyncio.Task[None]) -> None:
        self._playing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._news.set()

    def _require_health(self) -> None:
        if self._ended is not None:
            reason, message = self._ended["reason"], self._ended["message"]
            raise RuntimeError(f"a session ended: {reason}: {message}")
        if self._failure is not None:
            raise RuntimeError(f"an agent failed: {self._failure}") from self._failure
        if not self._daemon.lives:
            raise RuntimeError(f"the daemon has ended; its last words: {self._daemon.last_words()}")
