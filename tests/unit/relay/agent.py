"""An agent in asyncio: reads commands, reports, dials displays."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp


class FakeAgent:
    """One agent with one token."""

    def __init__(self, session_socket: Path, display_socket: Path, token: str) -> None:
        self.token = token
        self.commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.kept_alive = asyncio.Event()
        self.ended = asyncio.Event()
        self.private_display: str | None = None
        """Where displays are dialled, from the directory of the sockets, as the relay said."""
        self._display_socket = display_socket
        self._http = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(session_socket)),
            headers={"Authorization": f"Bearer {token}"},
        )
        self._control: aiohttp.ClientResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._connections: list[socket.socket] = []

    async def report(self, body: object) -> int:
        """POST a callback; the status it got."""
        async with self._http.post("http://relay/v1/callbacks", json=body) as response:
            return response.status

    async def attach(self) -> int:
        """Open the control stream and read the first, empty line; the status it got."""
        self._control = await self._http.get("http://relay/v1/commands")
        self.private_display = self._control.headers.get("FastX-Display")
        if self._control.status == 200:
            assert await self._control.content.readline() == b"\n"
            self._reading = asyncio.create_task(self._read(self._control))
        return self._control.status

    async def _read(self, control: aiohttp.ClientResponse) -> None:
        with suppress(aiohttp.ClientError):
            async for line in control.content:
                if line == b"\n":
                    self.kept_alive.set()
                else:
                    await self.commands.put(json.loads(line))
        self.ended.set()

    async def dial(
        self, stream: str, token: str | None = None, path: Path | None = None
    ) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """Dial a display socket; the relay's answer and the connection."""
        reader, writer = await asyncio.open_unix_connection(str(path or self._display_socket))
        self._writers.append(writer)
        writer.write(f"FASTX-DISPLAY/1 {token or self.token} {stream}\n".encode())
        return await reader.readline(), reader, writer

    async def offer_display(self) -> socket.socket:
        """Wait for the command, and dial as one that can pass its X server's socket."""
        command = await self._asked_for_display()
        assert command["descriptor"] is True
        connection = socket.socket(socket.AF_UNIX)
        self._connections.append(connection)
        connection.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, str(self._display_socket))
        hello = f"FASTX-DISPLAY/1 {self.token} {command['stream']} descriptor\n"
        await loop.sock_sendall(connection, hello.encode())
        assert await loop.sock_recv(connection, 64) == b"OK\n"
        return connection

    async def open_display(
        self, path: Path | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Wait for the command and follow it."""
        command = await self._asked_for_display()
        answer, reader, writer = await self.dial(command["stream"], path=path)
        assert answer == b"OK\n"
        return reader, writer

    async def _asked_for_display(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (command := await self.commands.get())["type"] != "open_display":
                pass
        return command

    async def close(self) -> None:
        """Leave."""
        for connection in self._connections:
            connection.close()
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        if self._control is not None:
            self._control.close()
        await self._http.close()
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
