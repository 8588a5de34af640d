"""What a caller expects beside 100-continue is refused in the usual form, whatever bytes it is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.unit.relay.conftest import House


async def exchange(socket: Path, request: bytes) -> bytes:
    """All that is said until the daemon hangs up."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(request)
    async with asyncio.timeout(20):
        said = await reader.read()
    writer.close()
    return said


def request(path: str, *expected: bytes, version: str = "1.1") -> bytes:
    """A call that would keep its connection, if the answer lets it."""
    head = f"GET {path} HTTP/{version}\r\nHost: x\r\n".encode()
    return head + b"".join(b"Expect: %s\r\n" % each for each in expected) + b"\r\n"


@pytest.mark.parametrize(
    "expected",
    [
        (b"\xff",),
        ("\u2603".encode(),),
        (b"200-ok",),
        (b"100-continue, 200-ok",),
        (b"100-continue", b"\xff"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/node", "/nowhere"])
async def test_what_cannot_be_met_is_refused(
    house: House, path: str, expected: tuple[bytes, ...]
) -> None:
    """417 as a problem document, and the end of the connection, on both sockets, at any path."""
    for socket in (house.config.web_socket, house.config.session_socket):
        head, _, body = (await exchange(socket, request(path, *expected))).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 417 ")
        assert b"application/problem+json" in head
        assert json.loads(body)["code"] == "expectation_failed"


@pytest.mark.parametrize("expected", [b"100-continue", b"100-Continue"])
async def test_who_waits_for_the_go_ahead_gets_it(house: House, expected: bytes) -> None:
    """Then the answer."""
    asked = request("/v1/node", expected) + request("/v1/node", b"not this")
    said = await exchange(house.config.web_socket, asked)
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_before_1_1_nothing_could_be_expected(house: House) -> None:
    """The header is ignored (RFC 9110)."""
    said = await exchange(house.config.web_socket, request("/v1/node", b"\xff", version="1.0"))
    assert said.startswith(b"HTTP/1.0 200 OK\r\n")
