"""Containers that no session stands for, on the real engine: ours go, all others stay."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.support.daemon import Daemon, running_daemon
from tests.support.engine import LABEL, DockerFailedError, docker, inspect
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

HASTY = {
    "reconcile": {"orphan_grace_seconds": 1, "initial_delay_seconds": 0},
    "engine": {"relist_seconds": 0.2},
}
PATIENT = {"engine": {"relist_seconds": 0.2}}
ORPHAN = "01hf000000000000000000000z"
FOREIGN = "01hf000000000000000000000y"


@asynccontextmanager
async def container(site: Surroundings, name: str, **labels: str) -> AsyncIterator[str]:
    """A container that somebody runs; its id. It is gone afterwards."""
    options = [
        word for key, value in labels.items() for word in ("--label", f"{LABEL}.{key}={value}")
    ]
    sleeping = ("/usr/bin/perl", "-e", "sleep 1 while 1")
    made = await docker("run", "-d", "--name", name, *options, site.perl_base, *sleeping)
    try:
        yield made.strip()
    finally:
        with suppress(DockerFailedError):
            await docker("rm", "-f", name)


async def is_gone(container_id: str) -> bool:
    """Whether the engine has no such container any more."""
    try:
        await inspect(container_id)
    except DockerFailedError:
        return True
    return False


async def listings(daemon: Daemon) -> None:
    """Wait until the daemon has put things in order once more, as it was told to."""
    async with WebServer(daemon) as web:
        for _ in range(2):
            answer = await web.call("POST", "/v1/reconcile", {"dry_run": False})
            assert answer.status == 200, answer.text


async def test_orphans_go_and_nothing_else(site: Surroundings) -> None:
    """Ours without a session, by whatever name; not another's, nobody's, or a session's."""
    own = f"fx-test-{secrets.token_hex(4)}"
    async with (
        running_daemon(site, config=HASTY) as daemon,
        WebServer(daemon) as web,
        web.session() as session,
        container(site, f"{own}-a", owner="somebody", session=ORPHAN) as theirs,
        container(site, f"fx-{FOREIGN}") as nobodys,
        container(site, f"{own}-b", owner=daemon.owner, session=session["id"]) as debugging,
        container(site, f"{own}-c", owner=daemon.owner, session=ORPHAN) as stray,
        container(site, f"fx-{ORPHAN}", owner=daemon.owner, session=ORPHAN) as orphan,
    ):
        for ours in (orphan, stray):
            await eventually(lambda each=ours: is_gone(each), "the orphan is gone")
        await listings(daemon)
        for kept in (theirs, nobodys, debugging, session["container_id"]):
            assert (await inspect(kept))["State"]["Running"]
        assert (await web.get(session["id"]))["phase"] == "running"
        metrics = (await web.call("GET", "/metrics")).text
        assert "fastx_supervisor_orphans_removed_total 2.0" in metrics, (
            metrics,
            [x for x in daemon.logged() if "orphan" in x["event"]],
        )
        assert 'fastx_supervisor_sessions{phase="running"} 1.0' in metrics
        await docker("rm", "-f", debugging)


async def test_a_foreign_container_with_a_sessions_name_is_not_touched(site: Surroundings) -> None:
    """Purging the session of that name leaves it alone."""
    async with running_daemon(site, config=HASTY) as daemon, WebServer(daemon) as web:
        session_id = await web.start(command="exit 0")
        await web.until(session_id, "ended")
        async with container(site, f"fx-{session_id}") as nobodys:
            assert (await web.call("DELETE", f"/v1/sessions/{session_id}")).status == 204
            await listings(daemon)
            assert (await inspect(nobodys))["State"]["Running"]


async def test_orphans_can_be_looked_at_first(site: Surroundings) -> None:
    """``fxctl reconcile --dry-run`` tells, in 80 columns; nothing is done within the grace."""
    async with (
        running_daemon(site, config=PATIENT) as daemon,
        container(site, f"fx-{ORPHAN}", owner=daemon.owner, session=ORPHAN, user="x") as orphan,
    ):
        code, out, complaint = await daemon.execute("fxctl", "reconcile", "--dry-run", COLUMNS="80")
        assert (code, complaint) == (0, "")
        assert orphan[:12] in out
        assert "it is removed once it is 60 s old" in " ".join(out.split())
        assert max(map(len, out.splitlines())) <= 80
        assert not await is_gone(orphan)
        await eventually(lambda: "orphan_found" in daemon.log_text, "it was told")
        await docker("rm", "-f", orphan)
        code, out, _ = await daemon.execute("fxctl", "reconcile", "-n")
        assert (code, out) == (0, "Everything is as it should be.\n")
