"""HTTP on a connection that was handed over: one request, whose head came beside it.

aiohttp reads that head before anything the viewer sends, and the answer goes to the viewer. Who
handed it over is told of the answer as well (``told``).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from relay.connection import Connection
from relay.peers import Peer


@dataclass(frozen=True, slots=True)
class Told:
    """What the viewer was answered; ``problem`` is the document, if it was refused."""

    status: int
    problem: dict[str, Any] | None = None


class HandedConnection(Connection):
    """One of them; counted as its web server's."""

    __slots__ = ("_head", "told")

    def __init__(self, head: bytes, by: Peer, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 those of Connection
        super().__init__(*arguments, **options)
        self._head = head
        self.handed_by = by
        self.told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the head first: what the viewer may have sent already comes after it."""
        super().connection_made(transport)
        if self.uid is not None:
            self.data_received(self._head)


async def tell(request: web.Request, response: web.StreamResponse) -> None:
    """Before an answer goes out: it is told, and but for a display there is no second request."""
    connection = request.protocol
    if not isinstance(connection, HandedConnection):
        return
    problem = None
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        response.force_close()
        response.headers["Connection"] = "close"
        if isinstance(response, web.Response) and response.text:
            problem = json.loads(response.text)
    if not connection.told.done():
        connection.told.set_result(Told(response.status, problem))
