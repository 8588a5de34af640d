"""A network of this process's own: its ports are nobody else's, and it changes when a test says so.

What is started afterwards is in it as well; the engine and the daemon are reached by paths, which
are no part of a network. It needs root.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"
_LINK, _PEER = "fx0", "fx1"
_NO_IPV6 = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")


class Network:
    """Loopback and one more interface, without which a browser takes itself to be offline."""

    def __init__(self) -> None:
        self._addresses = 0
        if _NO_IPV6.exists():  # its addresses come a while later, and are a change of their own
            _NO_IPV6.write_text("1")
        _ip("link", "set", "lo", "up")
        _ip("link", "add", _LINK, "type", "veth", "peer", "name", _PEER)
        _ip("link", "set", _PEER, "up")
        self.change()
        self.plug_in()

    def change(self) -> None:
        """Let it have another address, as each container with a network brings to its host."""
        # Of a range for tests of networks (RFC 2544).
        self._addresses += 1
        _ip("address", "add", f"198.18.0.{self._addresses}/32", "dev", _LINK)

    def unplug(self) -> None:
        """Let it have loopback alone."""
        _ip("link", "set", _LINK, "down")

    def plug_in(self) -> None:
        """Undo that."""
        _ip("link", "set", _LINK, "up")


@contextmanager
def own_network() -> Iterator[Network]:
    """Leave that of the host. Raises PermissionError to who is not root, saying so."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call(libc.unshare, _CLONE_NEWNET)
        try:
            yield Network()
        finally:
            _call(libc.setns, before, _CLONE_NEWNET)
    finally:
        os.close(before)


def _call(function: ctypes._NamedFuncPointer, *arguments: int) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        wants = "a network of one's own is root's to have: run these tests by sudo scripts/test"
        raise OSError(number, f"{os.strerror(number)}; {wants}", function.__name__)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)  # noqa: S603, S607 Debian's
