"""Addresses of the relay's: in clear on this host, inherited, the viewers'; and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from relay.app import Relay
from relay.config import RelayConfig
from relay.remotes import remote_of
from relay.sockets import bind_tcp
from relay.tcp_terms import TcpTerms
from tests.support.certificates import Authority, free_port
from tests.unit.relay.conftest import config_in
from tests.unit.relay.network import TOKEN, calling, terms
from tests.unit.relay.test_inherited_sockets import Manager
from tests.unit.relay.test_lifetime import relay_at


@asynccontextmanager
async def up(relay: Relay) -> AsyncIterator[None]:
    """While it serves."""
    await relay.start()
    try:
        yield
    finally:
        await relay.stop(1.0)


def with_web(directory: Path, port: int, *tokens: str) -> RelayConfig:
    """In clear, on this host."""
    return replace(
        config_in(directory), web_tcp=("127.0.0.1", port), web_terms=terms(None, *tokens)
    )


async def status_of(port: int, token: str | None) -> int:
    """What a call is answered."""
    async with calling(port, None, token) as http, http.get("/healthz") as answer:
        return answer.status


async def test_in_clear_it_wants_the_token_all_the_same(directory: Path) -> None:
    """A proxy on this host does TLS, and everybody on it can connect."""
    port = free_port()
    async with up(relay_at(with_web(directory, port, TOKEN))):
        assert await status_of(port, TOKEN) == 200
        assert await status_of(port, None) == 401


async def test_without_tokens_nobody_is_admitted(directory: Path) -> None:
    """An empty token is none."""
    port = free_port()
    async with up(relay_at(with_web(directory, port))):
        for token in (None, "", TOKEN):
            assert await status_of(port, token) == 401


async def test_an_inherited_socket_is_served_by_each_life(directory: Path) -> None:
    """Held by systemd, as the Unix sockets are."""
    port = free_port()
    manager = Manager(bind_tcp("127.0.0.1", port))
    config = with_web(directory, port, TOKEN)
    for _ in range(2):
        async with up(manager.life(config)):
            assert await status_of(port, TOKEN) == 200
    manager.close()


async def test_viewers_have_a_certificate_of_their_own(directory: Path, tmp_path: Path) -> None:
    """And tickets, no token; without terms nobody is let in there either."""
    authority, port = Authority(tmp_path), free_port()
    relay = relay_at(
        replace(
            config_in(directory),
            viewer_tcp=("127.0.0.1", port),
            viewer_terms=terms(authority.issue("viewers")),
        )
    )
    path = "/v1/sessions/x/display?ticket=x"
    async with up(relay):
        assert list(relay.certificates()) == ["viewer"]
        async with (
            calling(port, authority.trusting(), None) as http,
            http.get(path) as answer,
        ):
            assert (await answer.json())["code"] == "session_not_found"
        relay.set_terms(None, TcpTerms())
        assert not relay.certificates()
        async with calling(port, None, None) as http, http.get(path) as answer:
            assert answer.status == 404
        relay.set_terms(None, None)
        async with calling(port, None, None) as http:
            with pytest.raises(aiohttp.ClientError):
                await http.get(path)


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_whose_an_address_is(address: str, who: str) -> None:
    """Of IPv6, whoever has one has 2**64."""
    assert remote_of(address).address == who
