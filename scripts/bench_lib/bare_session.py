"""The container body a session would get, with files and a relay that keep its agent content.

The floor is only a floor if the container does the same work inside: the agent finds a relay that
takes its callbacks and holds its control stream, so that X server and command start there as well.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from supervisor.engine.agent_document import AgentSettings, session_document
from supervisor.engine.base import container_name
from supervisor.engine.docker import DockerEngine
from supervisor.engine.dress import HostPaths, dress
from supervisor.engine.payload import container_body
from supervisor.engine.plan import load_plan
from supervisor.host.accounts import merge_group, merge_passwd
from supervisor.host.bundle import bundle_mounts
from supervisor.host.identity import IdentityPolicy, look_up
from supervisor.host.image_contents import ImageContents
from supervisor.host.session_files import SessionDirectory, SessionFiles
from supervisor.lifecycle.session import StartRequest
from supervisor.reactor.draft import draft_session
from supervisor.reactor.ulid import UlidSource
from supervisor.share import agent_directory, templates_directory
from supervisor.template.catalog import TemplateCatalog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWNER = "bench-floor"
_CONTENTS = ImageContents(image_id="", perl="/usr/bin/perl", passwd="", group="")


class BareSessions:
    """Makes bodies for user ``user``, with files below ``run``."""

    def __init__(self, run: Path, bundle: Path, user: str) -> None:
        self._run = run
        self._user = user
        self._ids = UlidSource()
        self._files = SessionDirectory(run)
        self._paths = HostPaths(
            agent=agent_directory(),
            bundle=bundle,
            bundle_mounts=bundle_mounts(bundle),
            sessions=run / "sessions",
            relay=run / "relay",
        )
        self._catalog = TemplateCatalog(Path("/nonexistent"), templates_directory())

    async def body(self) -> tuple[str, dict[str, Any]]:
        """A container name and the exact body that a session of docker.tpl gets."""
        identity = await look_up(self._user, IdentityPolicy())
        session_id = self._ids.next()
        session = draft_session(
            session_id=session_id,
            request=StartRequest(user=self._user),
            template=self._catalog.get("docker"),
            identity=identity,
            node=platform.node(),
            now=0.0,
        )
        plan = load_plan(session.spec)
        engine = DockerEngine("unix:///var/run/docker.sock", OWNER, 60)
        image_id = await engine.find_image(session.image) or ""
        await engine.close()
        contents = replace(_CONTENTS, image_id=image_id)
        files = SessionFiles(
            passwd=merge_passwd("", identity),
            group=merge_group("", identity),
            session=session_document(session, plan, AgentSettings(), "bench"),
        )
        self._files.create_root()
        self._files.write(session_id, files)
        return container_name(session_id), container_body(
            dress(session, plan, contents, self._paths, OWNER)
        )

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[None]:
        """A relay that agrees to everything."""
        (self._run / "relay").mkdir(parents=True, exist_ok=True)
        app = web.Application()
        app.add_routes([web.post("/v1/callbacks", _accept), web.get("/v1/commands", _hold)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        for name in ("session.sock", "display.sock"):
            path = self._run / "relay" / name
            await web.UnixSite(runner, str(path)).start()
            path.chmod(0o666)
        try:
            yield
        finally:
            await runner.cleanup()
            shutil.rmtree(self._run)


async def _accept(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


async def _hold(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"\n")
    transport = request.transport
    while transport is not None and not transport.is_closing():
        await asyncio.sleep(0.5)
    return response
