"""A session that runs needs nobody's queue: neither for what it reports nor for its displays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.daemon import Daemon, running_daemon, until_ready
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.viewing import viewing, wait_for_window
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@contextmanager
def common_sockets_away(daemon: Daemon) -> Iterator[None]:
    """Nobody can connect to them."""
    sockets = [daemon.run / "relay" / f"{name}.sock" for name in ("session", "display")]
    for path in sockets:
        path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        for path in sockets:
            path.with_suffix(".away").rename(path)


async def goes_on(web: WebServer, session_id: str) -> None:
    """Its agent reports by itself and when it is asked, and there is a picture."""
    last = (await web.get(session_id))["last_seen_at"] or ""
    await web.when(session_id, lambda seen: (seen["last_seen_at"] or "") > last)
    async with viewing(web, session_id) as screen:
        await wait_for_window(screen)
    wish = {"command": ["/bin/echo", "here"], "wait": True}
    answer = await web.call("POST", f"/v1/sessions/{session_id}/exec", wish)
    assert answer.status == 200, answer.text
    assert answer.body["output"] == "here\n"


async def test_a_session_that_runs_dials_no_common_socket(site: Surroundings) -> None:
    """In the first life of the daemon, and in the next, once its agent has found it again."""
    async with running_daemon(site) as daemon:
        async with WebServer(daemon) as web:
            session_id = await web.start()
            await web.until(session_id, "running")
            await goes_on(web, session_id)
            with common_sockets_away(daemon):
                await goes_on(web, session_id)
        await daemon.kill()
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            await goes_on(web, session_id)
            with common_sockets_away(daemon):
                await goes_on(web, session_id)
            assert (await web.terminate(session_id))["reason"] == "Terminated"
        displays = daemon.run / "relay" / "displays"
        await eventually(lambda: not list(displays.iterdir()), "its display socket is removed")
