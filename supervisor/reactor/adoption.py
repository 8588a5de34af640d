"""The first look at the engine after a start: what runs is taken over, what is left over is told.

The store says which sessions there are, the engine which containers; each session is told what was
found of it and its worker does the rest. A container whose session is unknown is reported and left
alone: the supervisor never kills what it does not understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from supervisor.engine.base import ContainerRecord
from supervisor.errors import StoreError
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.facts import Adopted, Fact
from supervisor.lifecycle.session import Phase, Session, SessionId
from supervisor.reactor.directory import Directory
from supervisor.reactor.watcher import listed_fact

log = structlog.get_logger(__name__)

ADOPT_SECONDS = 30.0

Submit = Callable[[str, Fact], Awaitable[Session]]
Post = Callable[[SessionId, Fact], None]


class Adoption:
    """Runs once per life of the daemon, before it is ready."""

    def __init__(
        self, directory: Directory, files: SessionDirectory, submit: Submit, post: Post
    ) -> None:
        self._directory = directory
        self._files = files
        self._submit = submit
        self._post = post

    async def run(self, records: Sequence[ContainerRecord]) -> None:
        """Tell every session what became of it. One that cannot be told does not stop the rest."""
        by_session = {record.session_id: record for record in records}
        await asyncio.gather(
            *(
                self._adopt(session, by_session.get(session.id))
                for session in self._directory
                if session.phase is not Phase.ENDED or session.id in by_session
            )
        )
        for record in records:
            if self._directory.find(record.session_id) is None:
                log.warning(
                    "orphan_found",
                    session_id=record.session_id,
                    container_id=record.container_id[:12],
                )
        await self._remove_leftovers(frozenset(by_session))

    async def _adopt(self, session: Session, record: ContainerRecord | None) -> None:
        fact = Adopted(listed_fact(record) if record is not None else None)
        try:
            async with asyncio.timeout(ADOPT_SECONDS):
                adopted = await self._submit(session.id, fact)
        except StoreError as error:
            # Told as soon as the store can be written, and before anything that happens from now
            # on: its limits have to begin anew before one of them is found to have passed.
            log.error("adoption_delayed", session_id=session.id, error=str(error))
            self._post(session.id, fact)
        except (SupervisorError, TimeoutError) as error:
            log.error("adoption_failed", session_id=session.id, error=str(error) or "timed out")
        except Exception:  # one that cannot be understood must not stop the others
            log.exception("adoption_failed", session_id=session.id)
        else:
            phase = adopted.known_phase or adopted.phase
            log.info("session_adopted", session_id=session.id, phase=phase.value)

    async def _remove_leftovers(self, with_container: frozenset[str]) -> None:
        """Files of sessions that are over, left by a life that was cut short."""
        for session_id in await asyncio.to_thread(lambda: list(self._files.session_ids())):
            session = self._directory.find(session_id)
            over = session is None or session.phase is Phase.ENDED
            if over and session_id not in with_container:
                await asyncio.to_thread(self._files.remove, session_id)
                log.info("leftover_files_removed", session_id=session_id)
