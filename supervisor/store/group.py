"""Many functions, one commit: what arrives while a transaction is under way shares the next one.

A commit costs several times what a function of ours does in it. A caller who is alone pays for one
of its own, as it would without this; a thousand at once pay for a few.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

LARGEST_GROUP = 64
"""The first of a group waits for the last."""

Function = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one function."""

    result: Any = None
    error: BaseException | None = None


Commit = Callable[[list[Function]], list[Outcome]]
"""Runs functions and commits; an outcome for each, in order. Raises nothing."""


class GroupCommits:
    """Collects functions on the event loop's side, and hands them to ``thread`` in groups."""

    def __init__(self, thread: Executor, commit: Commit) -> None:
        self._thread = thread
        self._commit = commit
        self._waiting: list[tuple[Function, asyncio.Future[Any]]] = []
        self._under_way = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, function: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run ``function`` as soon as may be; its outcome, once it is committed."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((function, outcome))
        if not self._under_way:
            self._begin()
        return outcome

    async def join(self) -> None:
        """Wait until everything that was added is done."""
        await self._idle.wait()

    def _begin(self) -> None:
        self._under_way = True
        self._idle.clear()
        group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._thread.submit(self._run, asyncio.get_running_loop(), group)

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[tuple[Function, asyncio.Future[Any]]],
    ) -> None:
        """On the thread."""
        outcomes = self._commit([function for function, _ in group])
        waiting = [future for _, future in group]
        loop.call_soon_threadsafe(self._deliver, waiting, outcomes)

    def _deliver(self, waiting: list[asyncio.Future[Any]], outcomes: list[Outcome]) -> None:
        self._under_way = False
        if self._waiting:
            self._begin()
        else:
            self._idle.set()
        for future, outcome in zip(waiting, outcomes, strict=True):
            if future.done():
                continue  # who asked has left
            if isinstance(outcome.error, StopIteration):
                # A future cannot hold one, and the others of the group must be told all the same.
                future.set_exception(RuntimeError("the function ran out of rows"))
            elif outcome.error is not None:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome.result)


def within(connection: sqlite3.Connection, function: Function) -> Outcome:
    """Run one of several in a transaction: if it fails, nothing that it wrote stays.

    Raises sqlite3.OperationalError when SQLite has given up the whole transaction over it.
    """
    connection.execute("SAVEPOINT one_of_several")
    try:
        outcome = Outcome(function(connection))
    except BaseException as error:  # noqa: BLE001 told to who asked
        connection.execute("ROLLBACK TO one_of_several")
        outcome = Outcome(error=error)
    connection.execute("RELEASE one_of_several")
    return outcome
