"""Images that are not here yet: pulled with progress, once for all who wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.registry import registry_of
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


async def test_an_image_is_pulled_with_progress_and_started(
    web: WebServer, daemon: Daemon, tmp_path: Path
) -> None:
    """Two sessions wait for one pull and see it advance; one is ended meanwhile, the other runs."""
    async with registry_of(daemon.site.perl_base, tmp_path) as registry:
        daemon.write_template(
            "pulled",
            f"image: {registry.reference}\nworking_dir: /\ncommand: [sleep, infinity]\n",
        )
        leaving, staying = await asyncio.gather(
            web.start(template="pulled"), web.start(template="pulled")
        )
        for session_id in (leaving, staying):
            seen = await web.when(session_id, lambda seen: 0 < (seen["progress"] or 0) < 1)
            assert seen["phase"] == "starting"
        ended = await web.terminate(leaving)
        assert (ended["reason"], ended["progress"]) == ("Terminated", None)
        registry.released.set()
        running = await web.until(staying, "running")
        assert (running["image"], running["progress"]) == (registry.reference, None)
        told = [seen["progress"] for seen in web.history(staying) if seen["progress"] is not None]
        assert told == sorted(told)
        await web.terminate(staying)
