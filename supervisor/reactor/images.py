"""Images as sessions need them: present, and known inside. Many sessions share one question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from supervisor.engine.base import Engine
from supervisor.errors import ImageNotFoundError, PerlMissingError, StoreError
from supervisor.host.image_contents import ImageContents
from supervisor.reactor.pulls import Pulls
from supervisor.store.database import Database
from supervisor.store.images import find_image, keep_image
from supervisor.template.schema.service import PullPolicy

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Images:
    """Finds, pulls and reads images on one engine."""

    def __init__(self, engine: Engine, database: Database) -> None:
        self._engine = engine
        self._database = database
        self._pulls = Pulls(engine)
        self._known: dict[str, ImageContents] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def have(
        self,
        reference: str,
        policy: PullPolicy,
        progress: Callable[[float], None],
        platform: str | None = None,
    ) -> ImageContents:
        """The image's contents, once it can be used; ``progress`` hears of a pull (0..1).

        Raises ImageNotFoundError, ImagePullError, PerlMissingError, EngineUnreachableError.
        """
        image_id = None
        if policy is not PullPolicy.ALWAYS:
            image_id = await self._shared("find", reference, lambda: self._find(reference))
        if image_id is None and policy is PullPolicy.NEVER:
            message = (
                f"The image {reference} is not on this machine, and the template's "
                "pull_policy is never; pull or build it, or change the policy."
            )
            raise ImageNotFoundError(message)
        if image_id is None:
            image_id = await self._pulls.join(reference, platform, progress)
        return await self.contents(reference, image_id)

    async def contents(self, reference: str, image_id: str) -> ImageContents:
        """What is in the image; read once per image id, then remembered."""
        contents = self._known.get(image_id)
        if contents is None:
            contents = await self._shared("read", image_id, lambda: self._read(image_id))
            self._known[image_id] = contents
        if contents.perl is None:
            message = (
                f"The image {reference} has no perl on its PATH, and the session's agent needs it; "
                "install perl (Debian, Ubuntu: perl-base) in the image."
            )
            raise PerlMissingError(message)
        return contents

    async def close(self) -> None:
        """Break off what is being asked; who asked is gone."""
        await self._pulls.close()
        asked = list(self._asking.values())
        for task in asked:
            task.cancel()
        if asked:
            await asyncio.wait(asked)

    async def _find(self, reference: str) -> str | None:
        return await self._engine.find_image(reference)

    async def _read(self, image_id: str) -> ImageContents:
        stored = await self._database.run(lambda connection: find_image(connection, image_id))
        if stored is not None:
            return stored
        read = await self._engine.read_image(image_id)
        try:
            await self._database.run(lambda connection: keep_image(connection, read))
        except StoreError as error:
            # No reason not to start: the next life reads it once more.
            log.warning("image_not_kept", image_id=image_id, error=str(error))
        log.info("image_read", image_id=image_id, perl=read.perl)
        return read

    async def _shared(self, what: str, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask once for all who want to know at the same time; one who leaves stops nobody else."""
        asked = self._asking.get((what, key))
        if asked is None:
            asked = asyncio.ensure_future(ask())
            self._asking[what, key] = asked
            asked.add_done_callback(lambda done: self._answered((what, key), done))
        answer: T = await asyncio.shield(asked)
        return answer

    def _answered(self, question: tuple[str, str], answer: asyncio.Future[Any]) -> None:
        """Everybody who asked may have left: an error nobody hears is no error."""
        del self._asking[question]
        if not answer.cancelled():
            answer.exception()
