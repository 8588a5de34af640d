"""An event loop in which nothing happens by itself: it turns when told, and time passes when told.

Whatever runs in it is repeatable to the turn: there is no real time in it, and no thread. What code
hands to an executor (SQLite's thread, ``asyncio.to_thread``) is done in the loop, one job per turn,
in the order in which it was handed in; a job may be held back as a slow disk would.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

MOST_TURNS = 50_000
"""More without a pause is a busy loop."""

Job = Callable[[], None]


class VirtualTime:
    """Seconds, shared by the loops that live in them one after the other."""

    def __init__(self) -> None:
        self.seconds = 0.0


class NothingLeftError(AssertionError):
    """The loop was told to wait, and there is nothing in it that could ever happen."""


class _Selector(selectors.DefaultSelector):
    """Waits by letting virtual time pass."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeftError
        self._time.seconds += max(0.0, timeout)
        return super().select(0)


class LoopExecutor(Executor):
    """For code that hands jobs to an executor of its own: they are done by the running loop."""

    # typeshed's signature has a ParamSpec, for which there is no use here
    def submit(  # type: ignore[override]
        self,
        fn: Callable[..., Any],
        /,
        *args: Any,  # noqa: ANN401 whatever the function takes
    ) -> Future[Any]:
        """Hand a job in. Nobody is told when it is done but by itself."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.hand_in(self, partial(fn, *args))
        return Future()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Turned by ``turn``, ``settle`` and ``advance``; ``run_until_complete`` works as well."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, time: VirtualTime | None = None) -> None:
        self._virtual_time = time or VirtualTime()
        super().__init__(_Selector(self._virtual_time))
        self._jobs: dict[Executor | None, deque[Job]] = {}
        self._held: set[Executor | None] = set()
        self._dropping = False
        self.errors: list[dict[str, Any]] = []
        """What the loop would have complained of in the log."""
        self.set_exception_handler(lambda _loop, context: self.errors.append(context))

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._virtual_time.seconds

    @property
    def is_quiet(self) -> bool:
        """Whether nothing can happen unless time passes or somebody outside acts."""
        return not self._ready

    @property
    def has_jobs(self) -> bool:
        """Whether something that was handed to an executor is still to be done."""
        return any(self._jobs.values())

    def turn(self, times: int = 1) -> None:
        """Let everything run that is ready, and what becomes ready by that wait for its turn."""
        for _ in range(times):
            # Stopped before it runs, a loop does one turn and does not wait (its documentation).
            self.stop()
            self.run_forever()

    def settle(self) -> None:
        """Turn until it is quiet, without any time passing."""
        for _ in range(MOST_TURNS):
            if self.is_quiet:
                return
            self.turn()
        message = f"The loop is still busy after {MOST_TURNS} turns."
        raise AssertionError(message)

    def advance(self, seconds: float) -> None:
        """Let time pass, each timer in its turn, and let everything settle that follows."""
        until = self.time() + seconds
        self.settle()
        while (due := self._next_timer()) is not None and due <= until:
            self._virtual_time.seconds = max(due, self.time())
            # A timer that is due now is not ready before the loop has turned.
            self.turn()
            self.settle()
        self._virtual_time.seconds = until

    def hold_jobs(self, executor: Executor | None) -> None:
        """Leave what is handed to this executor undone (``None``: ``asyncio.to_thread``'s)."""
        self._held.add(executor)

    def release_jobs(self) -> None:
        """Do what was held, and hold nothing from now on."""
        self._held.clear()
        for executor, jobs in self._jobs.items():
            for _ in jobs:
                self.call_soon(self._work, executor)

    def drop_jobs(self) -> None:
        """Whatever is handed to an executor from now on, or was held, is never done."""
        self._dropping = True
        self._jobs.clear()

    def end(self) -> None:
        """Break off every task as the death of the process would, and close.

        What tasks do about their cancellation is done, for Python would complain otherwise; see
        to it that nobody notices (``drop_jobs``).
        """
        for _ in range(MOST_TURNS):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.turn()
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    # typeshed's signature has a TypeVarTuple, for which there is no use here
    def run_in_executor(  # type: ignore[override]
        self,
        executor: Executor | None,
        func: Callable[..., Any],
        *args: Any,  # noqa: ANN401 whatever the function takes
    ) -> asyncio.Future[Any]:
        """Do it in the loop, on a later turn. A job that has been handed in is not called back."""
        answer: asyncio.Future[Any] = self.create_future()
        if self._dropping:
            answer.cancel()
        self.hand_in(executor, partial(_do, answer, func, args))
        return answer

    def hand_in(self, executor: Executor | None, job: Job) -> None:
        """Do this on a later turn, after what was handed to the executor before."""
        if self._dropping:
            return
        self._jobs.setdefault(executor, deque()).append(job)
        if executor not in self._held:
            self.call_soon(self._work, executor)

    def _work(self, executor: Executor | None) -> None:
        jobs = self._jobs.get(executor)
        if jobs and executor not in self._held:
            jobs.popleft()()

    def _next_timer(self) -> float | None:
        timers = (timer.when() for timer in self._scheduled if not timer.cancelled())
        return min(timers, default=None)


def _do(answer: asyncio.Future[Any], func: Callable[..., Any], args: Iterable[Any]) -> None:
    try:
        result = func(*args)
    except Exception as error:  # noqa: BLE001 as an executor does
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)
