"""A relay that listens to the network, and web servers that come that way."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from relay.config import RelayConfig, RelayLimits
from relay.tcp_terms import Certificate, TcpTerms, WebToken
from supervisor.certificates import read_certificate
from tests.support.certificates import KeyPair, free_port
from tests.unit.relay.conftest import House, config_in

TOKEN = "a-token-of-the-web-server-0123456789"
OTHER_TOKEN = "the-token-that-comes-after-it-0123456789"


def web_token(token: str, name: str = "web-1") -> WebToken:
    """As the relay keeps it."""
    return WebToken(name, hashlib.sha256(token.encode()).digest())


def certificate_of(pair: KeyPair, client_ca: Path | None = None) -> Certificate:
    """As the relay has it."""
    context, expires_at = read_certificate(pair.certificate, pair.key, client_ca)
    return Certificate(context, pair.certificate, expires_at)


def terms(pair: KeyPair | None, *tokens: str, client_ca: Path | None = None) -> TcpTerms:
    """Certificate and tokens, the first of which is ``web-1``."""
    return TcpTerms(
        certificate=None if pair is None else certificate_of(pair, client_ca),
        tokens=tuple(web_token(each, f"web-{n}") for n, each in enumerate(tokens, 1)),
    )


@asynccontextmanager
async def calling(
    port: int, tls: ssl.SSLContext | None, token: str | None = TOKEN, address: str = "127.0.0.1"
) -> AsyncIterator[aiohttp.ClientSession]:
    """A web server on another host, as it were: each call on a connection of its own."""
    connector = aiohttp.TCPConnector(ssl=tls or True, local_addr=(address, 0), force_close=True)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    base = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    async with aiohttp.ClientSession(base, connector=connector, headers=headers) as http:
        yield http


async def ended(port: int, said: bytes = b"", address: str = "127.0.0.1") -> bytes:
    """What comes, until the end, on a plain connection on which this is said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(said)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def networked(directory: Path, limits: RelayLimits, pair: KeyPair) -> RelayConfig:
    """A relay's configuration that lets web servers with either token in over TLS."""
    return replace(
        config_in(directory, limits),
        web_tcp=("127.0.0.1", free_port()),
        web_terms=terms(pair, TOKEN, OTHER_TOKEN),
    )


def port_of(house: House) -> int:
    """Where the web server comes."""
    assert house.config.web_tcp is not None
    return house.config.web_tcp[1]
