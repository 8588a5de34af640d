"""An X server's own socket, which an agent has passed to the relay: no byte goes by way of it.

The session that passed it can still use it: read and write, shut it down, and clear O_NONBLOCK,
which is a flag of the open file and not of a descriptor. So nothing here relies on that flag: each
call says for itself that it does not wait (MSG_DONTWAIT). Descriptors that come along with pictures
are those of no X server: they are its end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from relay.defence.descriptors import dispose, drain, receive, receive_into
from relay.defence.origin import uid_of

_READ_BYTES = 256 * 1024
_AGAIN = (BlockingIOError, InterruptedError)


def x_server_socket(descriptor: int, uid: int) -> socket.socket | None:
    """What is behind a descriptor that ``uid`` has passed; ``None``: not taken, and closed.

    It has to be a stream of the Unix domain, connected, whose other end is of the same user: what
    the relay writes there bears its own credentials, if the receiver asks for them.
    """
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError:
        dispose([descriptor])
        return None
    try:
        is_taken = (
            passed.family == socket.AF_UNIX
            and passed.type == socket.SOCK_STREAM
            and not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            and uid_of(passed) == uid
        )
    except OSError:
        is_taken = False
    if is_taken:
        return passed
    dispose([passed.detach()])
    return None


class PassedSocket:
    """One of them: read by one, written by one."""

    def __init__(self, passed: socket.socket) -> None:
        self._socket = passed
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._watcher: Callable[[], None] | None = None

    def close(self) -> None:
        """Let go of it; whoever waits for it learns that it is over."""
        if self._socket.fileno() >= 0:
            # The session's descriptors keep the file open: epoll would go on about it.
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            drain(self._socket)
            self._socket.close()
        for waiter in tuple(self._waiting):
            _resolve(waiter)
        if self._watcher is not None:
            self._watcher()

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes any more."""
        return self._socket.fileno() < 0

    def watch(self, on_readable: Callable[[], None]) -> None:
        """Call back as long as there is something to receive, the end included."""
        self._watcher = on_readable
        if not self.is_closed:
            self._loop.add_reader(self._socket, on_readable)

    def unwatch(self) -> None:
        """Call back no longer."""
        self._watcher = None
        if not self.is_closed:
            self._loop.remove_reader(self._socket)

    def receive_into(self, room: memoryview) -> int | None:
        """How many bytes there were; 0 at the end, ``None`` if there are none at the moment."""
        try:
            count, descriptors = receive_into(self._socket, room)
        except _AGAIN:
            return None
        except OSError:
            return 0
        dispose(descriptors)
        return 0 if descriptors else count

    async def read(self) -> bytes:
        """The next bytes; empty at the end. Others have their turn, however many there are."""
        while True:
            await self._wait(self._loop.add_reader, self._loop.remove_reader)
            try:
                data, descriptors = receive(self._socket, _READ_BYTES)
            except _AGAIN:
                continue
            except OSError:
                return b""
            dispose(descriptors)
            return b"" if descriptors else data

    async def write(self, data: bytes) -> None:
        """Send, and wait while it takes nothing. Raises ConnectionResetError."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left, socket.MSG_DONTWAIT) :]
            except _AGAIN:
                await self._wait(self._loop.add_writer, self._loop.remove_writer)
            except OSError:
                raise ConnectionResetError("the X server's connection is gone") from None

    async def _wait(
        self,
        watch: Callable[..., object],
        unwatch: Callable[[socket.socket], object],
    ) -> None:
        if self.is_closed:
            return
        ready: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(ready)
        watch(self._socket, _resolve, ready)
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if not self.is_closed:
                unwatch(self._socket)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
