"""Sockets that systemd holds: they outlive the relay, and so does who waits at them."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from relay.app import Relay
from relay.config import RelayConfig
from relay.sockets import Sockets, bind_tcp, bind_unix
from supervisor.config import Config
from supervisor.errors import ConfigError
from supervisor.settings import relay_config
from tests.unit.relay.conftest import config_in
from tests.unit.relay.test_lifetime import relay_at

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: fx\r\nConnection: close\r\n\r\n"


class Manager:
    """Holds sockets as systemd does: each life of the daemon gets descriptors of its own."""

    def __init__(self, *sockets: socket.socket) -> None:
        self.held = sockets
        for sock in sockets:
            sock.listen()

    def life(self, config: RelayConfig) -> Relay:
        """A relay that inherits them."""
        return relay_at(replace(config, inherited=tuple(sock.dup() for sock in self.held)))

    def close(self) -> None:
        """The socket unit stops."""
        for sock in self.held:
            sock.close()


async def asked(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A caller who has connected and asked."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(REQUEST)
    await writer.drain()
    return reader, writer


async def answered(caller: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    """The answer's status line."""
    reader, writer = caller
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer.split(b"\r\n")[0]


async def test_who_connects_between_two_lives_is_served_by_the_next(directory: Path) -> None:
    """Nobody accepts, nobody is refused; the file stays the same one."""
    config = config_in(directory)
    paths = (config.web_socket, config.viewer_socket, config.session_socket, config.display_socket)
    manager = Manager(*map(bind_unix, paths))
    inodes = [path.stat().st_ino for path in paths]
    early = await asked(config.web_socket)
    first = manager.life(config)
    await first.start()
    assert await answered(early) == b"HTTP/1.1 200 OK"
    await first.stop(1.0)
    assert [path.stat().st_ino for path in paths] == inodes
    waiting = [await asked(config.web_socket), await asked(config.web_socket)]
    second = manager.life(config)
    await second.start()
    for caller in waiting:
        assert await answered(caller) == b"HTTP/1.1 200 OK"
    await second.stop(1.0)
    manager.close()
    assert [path.stat().st_ino for path in paths] == inodes


async def test_some_can_be_inherited(directory: Path) -> None:
    """The others are bound, and go with the relay."""
    config = config_in(directory)
    manager = Manager(bind_unix(config.web_socket))
    relay = manager.life(config)
    await relay.start()
    assert len(list(directory.iterdir())) == 4
    assert await answered(await asked(config.web_socket)) == b"HTTP/1.1 200 OK"
    await relay.stop(1.0)
    assert [path.name for path in directory.iterdir()] == ["web.sock"]
    manager.close()


async def test_viewers_over_tcp_can_wait_too(directory: Path) -> None:
    """The address is that of the configuration."""
    listening = bind_tcp("127.0.0.1", 0)
    manager = Manager(listening)
    host, port = listening.getsockname()
    config = replace(config_in(directory), viewer_tcp=(host, port))
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(REQUEST)
    relay = manager.life(config)
    await relay.start()
    assert await answered((reader, writer)) == b"HTTP/1.1 404 Not Found"
    await relay.stop(1.0)
    manager.close()


def test_each_address_is_given_once(directory: Path) -> None:
    """Paths and ports are told apart."""
    path = directory / "a.sock"
    held = bind_unix(path)
    sockets = Sockets([held])
    bound = sockets.unix(path)
    assert (bound.socket, bound.file) == (held, None)
    with sockets.unix(directory / "b.sock").socket as other:
        assert other.getsockname() == str(directory / "b.sock")
    held.close()


def test_an_unknown_socket_is_refused(directory: Path) -> None:
    """With its address, and those that would do."""
    config = Config.model_validate(json.loads('{"relay": {"viewer": {"port": 8443}}}'))
    with bind_unix(directory / "wep.sock") as unix, bind_tcp("127.0.0.1", 0) as tcp:
        with pytest.raises(ConfigError, match=r"wep\.sock, which .*web\.sock.*ListenStream="):
            relay_config(config, directory, [unix])
        with pytest.raises(ConfigError, match=r"at 127\.0\.0\.1:\d+, .* 127\.0\.0\.1:8443\."):
            relay_config(config, directory, [tcp])
