"""Where the checks look: this installation's places, its engine, its daemon.

What the running daemon's environment says wins over that of whoever calls: the variables of its
unit are not in an administrator's shell.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from supervisor.config import Config, load_config
from supervisor.ctl.client import Client
from supervisor.ctl.doctor.finding import UnknownFactError
from supervisor.ctl.doctor.life import Life, find_life
from supervisor.ctl.errors import CtlError
from supervisor.ctl.views import Json
from supervisor.engine.survey import EngineSurvey
from supervisor.errors import ConfigError, EngineError

T = TypeVar("T")

ANSWER_SECONDS = 8.0
"""For one answer of engine or daemon; less than a check has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where this installation keeps things."""

    config_file: Path
    config: Path
    local: Path
    run: Path
    socket: Path

    @classmethod
    def found(cls, socket: Path, life: Life | None, config_file: Path | None) -> Places:
        """By the socket, the daemon's own environment, and then by ours."""
        environment: Mapping[str, str] = life.environment if life else os.environ
        config = Path(environment.get("FX_CONFIG_DIR", "/etc/fastx"))
        given = config_file or (life.config_file if life else None)
        return cls(
            config_file=given or config / "supervisor.yaml",
            config=config,
            local=Path(environment.get("FX_LOCAL_DIR", "/var/fastx/local")),
            run=socket.parent,
            socket=socket,
        )


@dataclass(slots=True)
class Scene:
    """Facts that several checks need are asked for once."""

    places: Places
    life: Life | None
    """The daemon's process, as far as it may be looked at."""
    user: str | None = None
    """Whose sessions are of interest."""
    _asked: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    _survey: EngineSurvey | None = None

    @classmethod
    def at(cls, socket: Path, config_file: Path | None, user: str | None) -> Scene:
        """The installation that has this socket."""
        life = find_life(socket.parent)
        return cls(Places.found(socket, life, config_file), life, user)

    async def close(self) -> None:
        """Let go of what is still being asked, and of connections."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        if self._survey is not None:
            await self._survey.__aexit__()

    async def once(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question that is asked once, however many want to know."""

        async def asked() -> T:
            return await ask()

        if name not in self._asked:
            self._asked[name] = asyncio.create_task(asked(), name=name)
        answer: T = await asyncio.shield(self._asked[name])
        return answer

    async def config(self) -> Config:
        """The configuration. Raises UnknownFactError where it cannot be read."""
        try:
            return await self.once("config", lambda: on_thread(self._load_config))
        except ConfigError:
            message = "the configuration cannot be read (see config)"
            raise UnknownFactError(message) from None

    def _load_config(self) -> Config:
        file = self.places.config_file
        default = self.places.config / "supervisor.yaml"
        return Config() if file == default and not file.exists() else load_config(file)

    async def engine_url(self) -> str:
        """Where the engine listens, by the configuration or else by the environment."""
        with suppress(UnknownFactError):
            if host := (await self.config()).engine.host:
                return host
        environment: Mapping[str, str] = self.life.environment if self.life else os.environ
        return environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

    async def survey(self) -> EngineSurvey:
        """The engine, whether or not it answers."""
        url = await self.engine_url()
        # Others may have asked while that was read.
        if self._survey is None:
            self._survey = EngineSurvey(url, ANSWER_SECONDS)
        return self._survey

    async def engine(self) -> EngineSurvey:
        """The engine, once it has answered. Raises UnknownFactError if it does not."""
        await self.engine_info()
        return await self.survey()

    async def engine_info(self) -> Mapping[str, Any]:
        """``GET /info``. Raises UnknownFactError if the engine does not answer."""
        try:
            return await self.ask_engine_info()
        except EngineError:
            message = "the engine does not answer (see engine)"
            raise UnknownFactError(message) from None

    async def ask_engine_info(self) -> Mapping[str, Any]:
        """``GET /info``. Raises EngineError and its kin."""
        survey = await self.survey()
        return await self.once("info", survey.info)

    async def node(self) -> Json:
        """The daemon's node object. Raises UnknownFactError if it does not answer."""
        try:
            return await self.ask_node()
        except CtlError:
            message = "the daemon does not answer (see daemon)"
            raise UnknownFactError(message) from None

    async def ask_node(self) -> Json:
        """The daemon's node object. Raises CtlError."""
        return await self.once("node", lambda: self.ask_daemon(lambda client: client.node()))

    async def ask_daemon(self, body: Callable[[Client], Awaitable[T]]) -> T:
        """Call the daemon. Raises CtlError."""
        async with Client(self.places.socket, request_seconds=ANSWER_SECONDS) as client:
            return await body(client)


async def on_thread(work: Callable[[], T]) -> T:
    """Do what may hang (a file server!) where nobody has to wait for it, not even at the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # T may be None itself

    def run() -> None:
        result, raised = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 told to whoever waits
            raised = error
        # Nobody waits any more when the loop is closed.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, raised)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return await future
