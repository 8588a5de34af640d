"""The webhook of the real daemon: everything is told, whoever was away; nobody waits for it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pwd
import secrets
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest
from aiohttp import web as http
from standardwebhooks import Webhook

from tests.support.daemon import DAEMON_USER, Daemon, installed_daemon, until_ready
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer, Wire
from tests.support.webhook_receiver import Delivery, Receiver, accept

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def post_to(daemon: Daemon, receiver: Receiver, secret: str = SECRET) -> None:
    """Write a webhook into the daemon's configuration."""
    kept = daemon.config / "webhook-secret"
    kept.write_text(f"{secret}\n")
    kept.chmod(0o400)
    if os.geteuid() == 0:
        account = pwd.getpwnam(DAEMON_USER)
        os.chown(kept, account.pw_uid, account.pw_gid)
    daemon.secrets |= {secret, secret.removeprefix("whsec_"), "s3cret"}
    file = daemon.config / "supervisor.yaml"
    document = json.loads(file.read_text())
    document["relay"] = {"webhook": {"url": receiver.url, "secret_files": [str(kept)]}}
    file.write_text(json.dumps(document))


@asynccontextmanager
async def posting_daemon(site: Surroundings) -> AsyncIterator[tuple[Daemon, Receiver]]:
    """A daemon that is ready, and the receiver of its webhook."""
    async with Receiver().serving() as receiver, installed_daemon(site) as daemon:
        post_to(daemon, receiver)
        await daemon.start()
        await until_ready(daemon)
        yield daemon, receiver


def committed(daemon: Daemon) -> list[tuple[str, str, Wire]]:
    """What the outbox holds: kind, session, and what is told."""
    file = f"file:{daemon.local}/supervisor.db?mode=ro"
    with closing(sqlite3.connect(file, uri=True)) as connection:
        rows = connection.execute("SELECT kind, session_id, data FROM outbox ORDER BY seq")
        return [(kind, session_id, json.loads(data)) for kind, session_id, data in rows]


def accepted(receiver: Receiver) -> list[tuple[str, str, Wire]]:
    """What was accepted, without what was told again; each is verified."""
    seen: dict[str, Delivery] = {}
    for delivery in receiver.accepted:
        again = seen.setdefault(delivery.id, delivery)
        assert again.body == delivery.body
    told = []
    for delivery in seen.values():
        document = Webhook(SECRET).verify(delivery.body, delivery.headers)
        told.append((document["type"], delivery.session_id, document["data"]))
    return told


async def webhook_state(web: WebServer) -> Wire:
    """What the node says of its webhook."""
    state: Wire = (await web.call("GET", "/v1/node")).body["webhook"]
    return state


async def has_caught_up(daemon: Daemon, receiver: Receiver) -> bool:
    """Whether all that was committed has been accepted."""
    return len(accepted(receiver)) >= len(committed(daemon))


async def test_every_change_is_told_whoever_was_away(site: Surroundings) -> None:
    """A session's whole life, over a kill of the daemon and an absence of the receiver."""
    async with posting_daemon(site) as (daemon, receiver):
        async with WebServer(daemon) as web:
            first = await web.until(await web.start(), "running")
            await eventually(lambda: receiver.accepted, "the first changes are posted")
            await receiver.stop()
            second = await web.start()
            await web.until(second, "running")

            async def failing() -> bool:
                state: str = (await webhook_state(web))["state"]
                return state == "failing"

            await eventually(failing, "the webhook has noticed")
            held = asyncio.Event()

            async def hold(_delivery: Delivery, _request: http.Request) -> http.StreamResponse:
                held.set()
                await asyncio.Event().wait()
                raise AssertionError

            receiver.answer = hold
            await receiver.start()
            async with asyncio.timeout(60):
                await held.wait()
            # In the middle of a delivery, with others behind it.
            await daemon.kill()
        receiver.answer = accept
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            for session_id in (first["id"], second):
                await web.terminate(session_id)
            assert (await web.call("DELETE", f"/v1/sessions/{second}")).status == 204
            await eventually(lambda: has_caught_up(daemon, receiver), "everything is posted")
            await eventually(lambda: is_idle(web), "and the daemon knows")
        expected = committed(daemon)
        for session_id in (first["id"], second):
            told = [each for each in accepted(receiver) if each[1] == session_id]
            assert told == [
                (f"session.{kind}", owner, data)
                for kind, owner, data in expected
                if owner == session_id
            ]
            versions = [data["version"] for _, _, data in told if "version" in data]
            assert versions == sorted(set(versions))
            phases = [data.get("phase") for _, _, data in told]
            for phase in ("pending", "starting", "running", "terminating", "ended"):
                assert phase in phases
        assert expected[-1][0] == "delete"
        assert accepted(receiver)[-1] == ("session.delete", second, {"id": second})


async def is_idle(web: WebServer) -> bool:
    """Whether the webhook has nothing to do."""
    state = await webhook_state(web)
    return (state["state"], state["sessions_behind"]) == ("delivering", 0)


async def test_a_receiver_that_hangs_delays_no_session(site: Surroundings) -> None:
    """Sessions start and end, and the daemon stops in order, while no request is answered."""

    async def hang(_delivery: Delivery, _request: http.Request) -> http.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with posting_daemon(site) as (daemon, receiver):
        receiver.answer = hang
        async with WebServer(daemon) as web:
            sessions = await asyncio.gather(*(web.start() for _ in range(3)))
            for session_id in sessions:
                await web.until(session_id, "running")
            assert len(receiver.under_way) > 0
            assert receiver.accepted == []
            for session_id in sessions:
                assert (await web.terminate(session_id))["reason"] == "Terminated"
        assert await daemon.stop() == 0
        receiver.answer = accept
        await daemon.start()
        await until_ready(daemon)
        await eventually(lambda: has_caught_up(daemon, receiver), "everything is posted")


async def test_what_is_committed_last_is_posted_before_the_end(site: Surroundings) -> None:
    """A stop in order delivers what there is; the next life has nothing to tell again."""
    async with posting_daemon(site) as (daemon, receiver):
        async with WebServer(daemon) as web:
            await web.ending_of(command="exit 0")
        assert await daemon.stop() == 0
        assert await has_caught_up(daemon, receiver)
        came = len(receiver.came)
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            await eventually(lambda: is_idle(web), "the webhook stands where it was")
        assert len(receiver.came) == came


async def test_a_bad_secret_is_told_before_anything_is_posted(site: Surroundings) -> None:
    """Exit code 78, the file's name, and nothing of its content; by ``check`` as well."""
    async with Receiver().serving() as receiver, installed_daemon(site) as daemon:
        post_to(daemon, receiver, secret="whsec_bm90IGxvbmcgZW5vdWdo")
        for command in (["run", "--runtime-dir", str(daemon.run)], ["check"]):
            code, _, complaint = await daemon.execute("fx-supervisor", *command)
            assert code == 78
            assert str(daemon.config / "webhook-secret") in complaint
            assert "bm90IGxvbmcgZW5vdWdo" not in complaint
            assert "Traceback" not in complaint
        assert receiver.came == []


async def test_a_webhook_that_a_reload_brings_and_changes(site: Surroundings) -> None:
    """From the reload on events are posted; another receiver gets what comes after the first."""
    async with (
        Receiver().serving() as first,
        Receiver().serving() as second,
        installed_daemon(site) as daemon,
    ):
        await daemon.start()
        await until_ready(daemon)
        async with WebServer(daemon) as web:
            for receiver, other in ((first, second), (second, first)):
                before = len(other.accepted)
                post_to(daemon, receiver)
                assert daemon.process is not None
                reloads = daemon.log_text.count('"configuration_reloaded"')
                daemon.process.send_signal(signal.SIGHUP)
                await eventually(
                    lambda seen=reloads: daemon.log_text.count('"configuration_reloaded"') > seen,
                    "it has been reloaded",
                )
                session = await web.ending_of(command="true")
                await eventually(
                    lambda of=session, at=receiver: any(
                        each.session_id == of["id"] and each.version == of["version"]
                        for each in at.accepted
                    ),
                    "the end was posted",
                )
                assert len(other.accepted) == before
            node = (await web.call("GET", "/v1/node")).body
            assert node["webhook"]["state"] == "delivering"
