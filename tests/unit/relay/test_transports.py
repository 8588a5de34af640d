"""A connection is ended once, however often and from whichever side that is asked for."""

from __future__ import annotations

import asyncio

from relay.transports import abort
from tests.support.certificates import Authority, KeyPair
from tests.unit.relay.network import certificate_of


async def test_a_tls_connection_that_was_closed_twice_can_be_aborted(
    authority: Authority, pair: KeyPair
) -> None:
    """As aiohttp does it, for the WebSocket and for the call; the peer sees the end."""
    taken: asyncio.Queue[asyncio.BaseTransport] = asyncio.Queue()

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.put_nowait(writer.transport)

    server = await asyncio.start_server(
        take, "127.0.0.1", 0, ssl=certificate_of(pair).context, ssl_shutdown_timeout=1
    )
    async with server:
        reader, writer = await asyncio.open_connection(
            *server.sockets[0].getsockname(), ssl=authority.trusting()
        )
        transport = await taken.get()
        for _ in range(2):
            transport.close()
        for _ in range(2):
            abort(transport)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


def test_what_is_gone_needs_no_end() -> None:
    """A call whose peer has left has no transport."""
    abort(None)
