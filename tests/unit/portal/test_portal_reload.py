"""What a reload takes over, what waits for a restart, and what a broken file changes: nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from portal.config import Config
from portal.errors import ConfigError
from portal.reload import Reloader, keep
from portal.settings import Settings
from tests.support.certificates import Authority, KeyPair
from tests.unit.portal.conftest import Site
from tests.unit.portal.test_portal_config import keys_of
from tests.unit.portal.test_process import addresses, pages, portal, systemd, told

__all__ = ["pages", "systemd"]

NEED_RESTART = {
    "listen.host",
    "listen.port",
    "listen.socket",
    "listen.socket_group",
    "upstream.socket",
    "upstream.timeout_seconds",
    "log.format",
}
"""Whoever adds a key says whether it can change while people are connected."""

TAKEN_OVER = {
    "listen.certificate_file",
    "listen.key_file",
    "listen.origins",
    "listen.trusted_proxies",
    "listen.connections.per_address",
    "listen.connections.total",
    "upstream.hand_over",
    "sign_in.title",
    "sign_in.pam.enabled",
    "sign_in.pam.service",
    "sign_in.link.enabled",
    "sign_in.link.valid_seconds",
    "sign_in.header.name",
    "sign_in.header.sign_out_url",
    "sign_in.attempts.per_user",
    "sign_in.attempts.per_address",
    "sign_in.attempts.window_seconds",
    "sign_in.idle_seconds",
    "sign_in.lifetime_seconds",
    "administrators.users",
    "administrators.groups",
    "administrators.display",
    "shares.named",
    "shares.anyone",
    "shares.most_seconds",
    "log.level",
}


def test_of_each_key_it_is_known_when_it_holds() -> None:
    """From the next reload on, unless it is marked."""
    assert set(keys_of(Config)) == NEED_RESTART | TAKEN_OVER
    running = Config()
    found = Config.model_validate(
        {
            "listen": {"host": "::1", "port": 1, "socket": "/x", "socket_group": "x"},
            "upstream": {"socket": "/x", "timeout_seconds": 1},
            "log": {"format": "json", "level": "debug"},
        }
    )
    config, kept = keep(running, found)
    assert set(kept) == NEED_RESTART
    assert config == running.model_copy(update={"log": config.log})
    assert (config.log.level, config.log.format) == ("debug", "auto")


async def reloaded(site: Site, **sections: object) -> None:
    """Let these sections hold, beside what a test's portal has."""
    running = site.portal.settings.config
    found = Config.model_validate({**json.loads(running.model_dump_json()), **sections})
    await Reloader(site.portal.settings, lambda: found)._reload()


@pytest.fixture(autouse=True)
def _levels() -> Any:  # noqa: ANN401 a generator
    """As they were before."""
    names = (None, "asyncio", "aiohttp.access")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    yield
    for logger, level in before:
        logger.setLevel(level)


async def test_everything_that_can_change_does_at_once(site: Site) -> None:
    """Administrators, shares, ways to sign in, how often, for how long, and whom to believe."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    path = f"/api/sessions/{session_id}"
    assert (await bob.get("/api/sessions?scope=all")).status == 403
    await reloaded(
        site,
        administrators={"users": ["bob"], "display": "control"},
        shares={"anyone": False, "most_seconds": 60},
        sign_in={
            "title": "Desk",
            "pam": {"enabled": False},
            "link": {"enabled": False},
            "header": {"name": "X-Remote-User"},
            "idle_seconds": 100,
        },
        listen={"port": 0, "trusted_proxies": ["127.0.0.1"]},
    )
    (seen,) = (await bob.get("/api/sessions?scope=all")).object["sessions"]
    assert seen["access"]["mode"] == "control"
    wish = {"expires_in_seconds": 60}
    assert (await alice.post(f"{path}/shares", wish)).code == "shares_anyone_off"
    assert (await alice.get("/api/me")).object["shares"]["most_seconds"] == 60
    ways = (await site.browser().get("/api/sign-in")).object
    assert (ways["title"], ways["methods"]) == ("Desk", ["header"])
    named = await site.browser().get("/api/me", X_Remote_User="carol")
    assert named.object["user"] == "carol"
    site.clock.now += 101
    assert (await alice.get("/api/me")).status == 401


async def test_what_is_wrong_changes_nothing_and_is_told(site: Site) -> None:
    """Not even the part that is right."""
    running = site.portal.settings.config

    def read() -> Config:
        raise ConfigError("portal.yaml:1:1: first\nportal.yaml:2:1: second")

    with capture_logs() as logs:
        await Reloader(site.portal.settings, read)._reload()
    assert site.portal.settings.config is running
    (refused,) = logs
    assert refused["event"] == "configuration_refused"
    assert refused["faults"] == ["portal.yaml:1:1: first", "portal.yaml:2:1: second"]


async def test_a_defect_ends_nothing() -> None:
    """Whatever reading comes to."""
    settings = Settings(Config())

    def read() -> Config:
        raise ZeroDivisionError

    with capture_logs() as logs:
        await Reloader(settings, read)._reload()
    assert [each["event"] for each in logs] == ["configuration_reload_crashed"]


class Connection:
    """One over TLS, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, base: str, authority: Authority) -> Connection:
        """To the portal."""
        port = int(base.rpartition(":")[2])
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=authority.trusting()))

    @property
    def certificate(self) -> bytes:
        """What it was shown."""
        found: bytes = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found

    async def is_served(self) -> bool:
        """Whether a call is answered on it."""
        self._writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            await self._reader.readexactly(len(b'{"status":"ok"}'))
        return head.startswith(b"HTTP/1.1 200 OK\r\n")

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        await self._writer.wait_closed()


async def test_a_renewed_certificate_is_shown_to_who_connects_from_then_on(
    directory: Path, systemd: socket.socket, tmp_path: Path
) -> None:
    """By SIGHUP, in the same process; who is connected stays so. A broken one is not taken."""
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    listen = {"port": 0, "certificate_file": str(pair.certificate), "key_file": str(pair.key)}
    before = der(pair)
    async with portal(directory, listen) as process, AsyncExitStack() as stack:
        assert await told(systemd) == b"READY=1"
        (base,) = await addresses(process)

        async def connected() -> Connection:
            connection = await Connection.to(base, authority)
            stack.push_async_callback(connection.close)
            return connection

        first = await connected()
        assert await first.is_served()
        assert first.certificate == before

        pair.key.write_text("broken")
        assert f"{pair.certificate}: is not a certificate".encode() in await hup(process, systemd)
        assert (await connected()).certificate == before

        pair.replace(authority.issue("localhost"))
        assert await hup(process, systemd) == b"STATUS=\nREADY=1"
        assert (await connected()).certificate == der(pair) != before
        assert await first.is_served()


def der(pair: KeyPair) -> bytes:
    """A certificate as it goes over the wire."""
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


async def hup(process: Any, systemd: socket.socket) -> bytes:  # noqa: ANN401 asyncio's
    """What comes of a reload, as systemd is told."""
    process.send_signal(signal.SIGHUP)
    assert (await told(systemd)).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    return await told(systemd)


async def test_a_broken_file_is_told_and_the_old_one_holds(
    directory: Path, systemd: socket.socket
) -> None:
    """With its place, in the status; mended, it is taken."""
    async with portal(directory, {"port": 0}) as process, aiohttp.ClientSession() as http:
        assert await told(systemd) == b"READY=1"
        (base,) = await addresses(process)
        path = directory / "portal.yaml"
        document = json.loads(path.read_text())

        async def title() -> str:
            async with http.get(f"{base}/api/sign-in") as response:
                found: str = (await response.json())["title"]
                return found

        path.write_text("sign_in: {title: New, tittle: x}\n")
        status = await hup(process, systemd)
        assert f"{path}:1:23: sign_in.tittle".encode() in status
        assert status.endswith(b"READY=1")
        assert await title() == "FastX"
        document["sign_in"]["title"] = "New"
        path.write_text(json.dumps(document))
        assert await hup(process, systemd) == b"STATUS=\nREADY=1"
        assert await title() == "New"
