"""One pull per image, however many sessions wait for it; without anybody who waits, none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from contextvars import Context

import structlog

from supervisor.engine.base import Engine
from supervisor.errors import EngineError, ImageNotFoundError

log = structlog.get_logger(__name__)

Tell = Callable[[float], None]


class Pulls:
    """Pulls under way on one engine, by reference and platform."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._under_way: dict[tuple[str, str | None], _Pull] = {}

    async def join(self, reference: str, platform: str | None, tell: Tell) -> str:
        """The image's id, once it is here.

        ``tell`` hears of the present fraction (0..1) at once, then at each sign of life. Whoever is
        cancelled leaves; the last to leave takes the pull along. Raises as Engine.pull_image does.
        """
        key = (reference, platform)
        pull = self._under_way.get(key)
        if pull is None:
            pull = self._under_way[key] = _Pull()
            # Without the session's name in its log lines: it is not one session's.
            pull.task = asyncio.get_running_loop().create_task(
                self._run(key, pull), context=Context()
            )
            pull.task.add_done_callback(_heard)
        log.info("pull_awaited", image=reference, fraction=pull.fraction)
        pull.waiting.append(tell)
        tell(pull.fraction)
        try:
            await asyncio.wait([pull.task])
        finally:
            pull.waiting.remove(tell)
            if not pull.waiting:
                await self._break_off(key, pull)
        return pull.task.result()

    async def close(self) -> None:
        """Break off what is under way; who waited is gone."""
        for key, pull in tuple(self._under_way.items()):
            await self._break_off(key, pull)

    async def _break_off(self, key: tuple[str, str | None], pull: _Pull) -> None:
        """Whoever comes from now on begins anew."""
        if self._under_way.get(key) is pull:
            del self._under_way[key]
        if pull.task.done():
            return
        pull.task.cancel()
        await asyncio.wait([pull.task])

    async def _run(self, key: tuple[str, str | None], pull: _Pull) -> str:
        reference, platform = key
        log.info("pull_started", image=reference, platform=platform)
        try:
            async with aclosing(self._engine.pull_image(reference, platform)) as fractions:
                async for fraction in fractions:
                    pull.tell(fraction)
            image_id = await self._engine.find_image(reference)
        except asyncio.CancelledError:
            log.info("pull_cancelled", image=reference, fraction=pull.fraction)
            raise
        except EngineError as error:
            log.warning("pull_failed", image=reference, error=str(error))
            raise
        finally:
            if self._under_way.get(key) is pull:
                del self._under_way[key]
        if image_id is None:
            message = f"The image {reference} was pulled, and removed again before it was used."
            raise ImageNotFoundError(message)
        log.info("pull_finished", image=reference, image_id=image_id)
        return image_id


class _Pull:
    """One pull and who waits for it."""

    __slots__ = ("fraction", "task", "waiting")

    def __init__(self) -> None:
        self.task: asyncio.Task[str]
        self.waiting: list[Tell] = []
        self.fraction = 0.0

    def tell(self, fraction: float) -> None:
        self.fraction = fraction
        for each in tuple(self.waiting):
            each(fraction)


def _heard(task: asyncio.Task[str]) -> None:
    """Everybody may have left meanwhile: an error that nobody hears is no error."""
    if not task.cancelled():
        task.exception()
