"""Programs that were asked for beside a session's command, and whoever waits for their end.

The answer is a callback of the agent, ``exec_exited``, which names the program by the id it was
given here. Ids are not to be guessed and belong to one session; an answer that nobody waits for
(any more) is none.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import structlog

from relay.agents.control import ControlStreams
from relay.problems import RETRY_AFTER_SECONDS, ProblemError
from supervisor.lifecycle.session import SessionId

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program ended; of its output the last part."""

    exit_code: int
    output: str


class Programs:
    """The programs of all sessions that are waited for; ``bound`` of one session at most."""

    def __init__(self, controls: ControlStreams, bound: int) -> None:
        self._controls = controls
        self._bound = bound
        self._awaited: dict[SessionId, dict[str, asyncio.Future[ProgramEnd]]] = {}

    def start(self, session_id: SessionId, command: str | list[str]) -> None:
        """Tell the agent, and leave it at that. Raises ProblemError 503."""
        self._send(session_id, {"command": command, "id": secrets.token_urlsafe(18)})

    async def run(
        self,
        session_id: SessionId,
        command: str | list[str],
        timeout_seconds: float,
        ends: Collection[asyncio.Future[Any]],
    ) -> ProgramEnd | None:
        """Tell the agent and wait for the program's end; ``None`` when one of ``ends`` came first.

        Raises ProblemError: 429, 503 without a control stream, 504, 409 when the session ended.
        """
        awaited = self._awaited.setdefault(session_id, {})
        program_id = secrets.token_urlsafe(18)
        arrival: asyncio.Future[ProgramEnd] = asyncio.get_running_loop().create_future()
        try:
            if len(awaited) >= self._bound:
                detail = f"{self._bound} programs of this session are being waited for already."
                raise ProblemError(429, "too_many_programs", detail)
            awaited[program_id] = arrival
            self._send(session_id, {"command": command, "id": program_id, "wait": True})
            await asyncio.wait(
                (arrival, *ends), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            awaited.pop(program_id, None)
            if not awaited and self._awaited.get(session_id) is awaited:
                del self._awaited[session_id]
        if arrival.cancelled():
            raise ProblemError(409, "session_ended", "The session ended before the program did.")
        if arrival.done():
            return arrival.result()
        if any(end.done() for end in ends):
            return None
        _log.info("program_timed_out", session_id=session_id, timeout_seconds=timeout_seconds)
        raise ProblemError(
            504,
            "exec_timeout",
            f"The session's agent did not tell of the program's end within {timeout_seconds:g} s. "
            "If the program runs, it runs on; start it without wait, or with a higher "
            "timeout_seconds.",
        )

    def ended(self, session_id: SessionId, program_id: str, end: ProgramEnd) -> None:
        """The session's agent reports an end; one that nobody waits for is passed over."""
        arrival = self._awaited.get(session_id, {}).get(program_id)
        if arrival is None:
            _log.debug("program_end_not_awaited", session_id=session_id)
        elif not arrival.done():
            arrival.set_result(end)

    def release(self, session_id: SessionId) -> None:
        """The session is over: nothing will be reported any more."""
        for arrival in self._awaited.pop(session_id, {}).values():
            arrival.cancel()

    def _send(self, session_id: SessionId, wish: dict[str, Any]) -> None:
        if not self._controls.send(session_id, {"type": "exec", **wish}):
            raise ProblemError(
                503,
                "agent_unreachable",
                "The session's agent cannot be told at the moment: it has no connection to the "
                "relay, or too many commands wait for it. Both pass by themselves within seconds "
                "if the session lives.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
