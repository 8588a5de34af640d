"""The steps that turn an accepted session into a running container, each safe to repeat."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from supervisor.engine.agent_document import AgentSettings, session_document
from supervisor.engine.base import Engine
from supervisor.engine.dress import HostPaths, dress
from supervisor.engine.plan import load_plan
from supervisor.errors import ImageNotFoundError, PerlMissingError
from supervisor.host.accounts import merge_group, merge_passwd
from supervisor.host.image_contents import ImageContents
from supervisor.host.session_files import SessionDirectory, SessionFiles
from supervisor.lifecycle.facts import ContainerStarted, Fact, PullProgressed, SessionPrepared
from supervisor.lifecycle.session import Session, SessionId
from supervisor.store.database import Database
from supervisor.store.images import find_image, keep_image
from supervisor.template.schema.service import PullPolicy

log = structlog.get_logger(__name__)

Post = Callable[[SessionId, Fact], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Prepares and starts sessions on one engine."""

    engine: Engine
    database: Database
    files: SessionDirectory
    paths: HostPaths
    settings: AgentSettings
    owner: str
    post: Post

    async def prepare(self, session: Session) -> SessionPrepared:
        """Have the image, know what is in it, write the session's files with a new token."""
        plan = load_plan(session.spec)
        image_id = await self._have_image(session, plan.pull_policy)
        contents = await self._contents(session.image, image_id)
        token = secrets.token_urlsafe(32)
        files = SessionFiles(
            passwd=merge_passwd(contents.passwd, plan.identity),
            group=merge_group(contents.group, plan.identity),
            session=session_document(session, plan, self.settings, token),
        )
        await asyncio.to_thread(self.files.write, session.id, files)
        return SessionPrepared(image_id, hashlib.sha256(token.encode()).hexdigest())

    async def start(self, session: Session) -> ContainerStarted:
        """Create the container and start it."""
        plan = load_plan(session.spec)
        contents = await self._contents(session.image, session.image_id or "")
        spec = dress(session, plan, contents, self.paths, self.owner)
        container_id = await self.engine.launch(session.id, spec)
        log.info("container_started", container_id=container_id[:12], user=session.user)
        return ContainerStarted(container_id)

    async def _have_image(self, session: Session, policy: PullPolicy) -> str:
        image_id = await self.engine.find_image(session.image)
        if policy is PullPolicy.NEVER and image_id is None:
            message = (
                f"The image {session.image} is not on this machine, and the template's "
                "pull_policy is never; pull or build it, or change the policy."
            )
            raise ImageNotFoundError(message)
        if image_id is not None and policy is not PullPolicy.ALWAYS:
            return image_id
        log.info("pull_started", image=session.image)
        async for fraction in self.engine.pull_image(session.image):
            self.post(session.id, PullProgressed(fraction))
        found = await self.engine.find_image(session.image)
        if found is None:
            message = f"The image {session.image} is still not there after it was pulled."
            raise ImageNotFoundError(message)
        return found

    async def _contents(self, reference: str, image_id: str) -> ImageContents:
        contents = await self.database.run(lambda connection: find_image(connection, image_id))
        if contents is None:
            contents = await self.engine.read_image(image_id)
            read = contents
            await self.database.run(lambda connection: keep_image(connection, read))
            log.info("image_read", image=reference, perl=contents.perl)
        if contents.perl is None:
            message = (
                f"The image {reference} has no perl on its PATH, and the session's agent needs it; "
                "install perl (Debian, Ubuntu: perl-base) in the image."
            )
            raise PerlMissingError(message)
        return contents

