"""Sockets from systemd, on real descriptors."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import ConfigError
from supervisor.ops.inheritance import inherited_sockets

COUNT = 2


@pytest.fixture
def first() -> Iterator[int]:
    """The first of two descriptors in a row, high enough that nobody uses them."""
    found = 700
    yield found
    for descriptor in range(found, found + COUNT):
        try:
            os.close(descriptor)
        except OSError:
            continue


def handed_over(sock: socket.socket, descriptor: int) -> None:
    """As systemd does: at this number, and inheritable."""
    os.dup2(sock.fileno(), descriptor)
    sock.close()


def listening(path: Path) -> socket.socket:
    """A socket that accepts connections."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    return sock


def environment(count: int) -> dict[str, str]:
    """What systemd says."""
    return {"LISTEN_FDS": str(count), "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "a:b"}


def test_they_are_taken(first: int, tmp_path: Path) -> None:
    """All of them; and neither they nor word of them go on to programs that are started."""
    for number, name in enumerate(("a", "b")):
        handed_over(listening(tmp_path / name), first + number)
    told = environment(COUNT)
    taken = inherited_sockets(told, first)
    assert [sock.getsockname() for sock in taken] == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert told == {}
    for sock in taken:
        assert not os.get_inheritable(sock.fileno())
        assert not sock.getblocking()
        sock.close()


@pytest.mark.parametrize(
    "told", [{}, {"LISTEN_FDS": "2", "LISTEN_PID": "1"}, {"LISTEN_FDS": "two"}, {"LISTEN_FDS": "1"}]
)
def test_what_is_for_others_is_not_taken(told: dict[str, str]) -> None:
    """But taken out of the environment."""
    assert inherited_sockets(told) == ()
    assert told == {}


def test_what_is_no_listening_socket_is_refused(first: int, tmp_path: Path) -> None:
    """Nobody could connect to it: the unit is wrong."""
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(str(tmp_path / "d"))
    handed_over(datagrams, first)
    with pytest.raises(ConfigError, match=f"Descriptor {first}, .* no listening stream socket"):
        inherited_sockets(environment(1), first)
    bound = socket.socket(socket.AF_UNIX)
    handed_over(bound, first)
    with pytest.raises(ConfigError, match="Accept=no"):
        inherited_sockets(environment(1), first)
    os.close(first)
    with pytest.raises(ConfigError, match="no listening stream socket"):
        inherited_sockets(environment(1), first)
