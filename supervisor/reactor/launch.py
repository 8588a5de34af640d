"""The steps that turn an accepted session into a running container, each safe to repeat."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from supervisor.engine.agent_document import AgentSettings, session_document
from supervisor.engine.base import Engine
from supervisor.engine.dress import HostPaths, dress
from supervisor.engine.plan import load_plan
from supervisor.host.accounts import merge_group, merge_passwd
from supervisor.host.session_files import SessionDirectory, SessionFiles
from supervisor.lifecycle.facts import ContainerStarted, Fact, PullProgressed, SessionPrepared
from supervisor.lifecycle.session import Session, SessionId
from supervisor.policy.guard import Guard
from supervisor.reactor.images import Images
from supervisor.reactor.pull_news import PullNews
from supervisor.reactor.rebuild import read_remains
from supervisor.reactor.turnstile import Turnstile
from supervisor.store.sessions import dump_session
from supervisor.template.spec import ContainerSpec

log = structlog.get_logger(__name__)

Post = Callable[[SessionId, Fact], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Prepares and starts sessions on one engine."""

    guard: Callable[[], Guard]
    engine: Engine
    images: Images
    files: SessionDirectory
    paths: Callable[[], HostPaths]
    settings: Callable[[], AgentSettings]
    owner: str
    post: Post
    starts: Turnstile
    """As many containers at once as may start: many may have waited for one image."""

    async def prepare(self, session: Session) -> SessionPrepared:
        """Have the image, know what is in it, write the session's files with their token."""
        plan = load_plan(session.spec)
        news = PullNews(
            lambda fraction: self.post(session.id, PullProgressed(fraction)),
            session.rules.startup_seconds,
            asyncio.get_running_loop().time,
        )
        contents = await self.images.have(session.image, plan.pull_policy, news, plan.spec.platform)
        token = await asyncio.to_thread(self._kept_token, session) or secrets.token_urlsafe(32)
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        record = replace(session, image_id=contents.image_id, token_hash=token_hash)
        files = SessionFiles(
            passwd=merge_passwd(contents.passwd, plan.identity),
            group=merge_group(contents.group, plan.identity),
            session=session_document(session, plan, self.settings(), token),
            record=dump_session(record),
        )
        await self._write(session.id, files)
        return SessionPrepared(contents.image_id, token_hash)

    async def specify(self, session: Session) -> ContainerSpec:
        """The session's container, complete."""
        plan = load_plan(session.spec)
        contents = await self.images.contents(session.image, session.image_id or "")
        # Once more: what mounts come from may be another by now, and the policy as well.
        spec = await self.guard().admitted(plan.spec, plan.identity)
        return dress(session, replace(plan, spec=spec), contents, self.paths(), self.owner)

    async def start(self, session: Session, spec: ContainerSpec) -> ContainerStarted:
        """Create the container and start it."""
        async with self.starts:
            container_id = await self.engine.launch(session.id, spec)
        log.info("container_started", container_id=container_id[:12], user=session.user)
        return ContainerStarted(container_id)

    def _kept_token(self, session: Session) -> str | None:
        """What an earlier life has prepared the session with, if the store agrees.

        The engine may be at the launch that that life asked for, and the agent have read it.
        """
        if session.token_hash is None:
            return None
        kept = read_remains(session.id, self.files.read(session.id))
        return kept.token if kept.token_hash == session.token_hash else None

    async def _write(self, session_id: SessionId, files: SessionFiles) -> None:
        """A thread cannot be cancelled: it must not write after the files were removed."""
        writing = asyncio.ensure_future(asyncio.to_thread(self.files.write, session_id, files))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if not writing.cancelled():
                writing.exception()  # nobody waits for it any more
            raise
