"""A request whose end two programs could see in two places is refused, and nothing after it read.

A front proxy that took it for one request would hand a stranger's second one on to the daemon.
"""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.unit.relay.conftest import House

SECOND = b"GET /v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")


async def answers(house: House, head: str, body: bytes = SECOND) -> list[bytes]:
    """The statuses of what comes back, until the daemon hangs up."""
    reader, writer = await asyncio.open_unix_connection(house.config.web_socket)
    writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
    async with asyncio.timeout(20):
        said = await reader.read()
    writer.close()
    writer.close()
    return STATUS.findall(said)


POST = "POST /v1/reconcile HTTP/1.1\nHost: x\n"


@pytest.mark.parametrize(
    "head",
    [
        f"{POST}Content-Length: 0\nTransfer-Encoding: chunked\n",
        f"{POST}Transfer-Encoding: chunked\nContent-Length: 40\n",
        f"{POST}Content-Length: 0\nContent-Length: 40\n",
        f"{POST}Content-Length: 0, 40\n",
        f"{POST}Content-Length: +0\n",
        f"{POST}Content-Length: -1\n",
        f"{POST}Content-Length: 0x0\n",
        f"{POST}Content-Length: 1_0\n",
        f"{POST}Transfer-Encoding: xchunked\n",
        f"{POST}Transfer-Encoding: chunked, identity\n",
        f"{POST}Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
        f"{POST}Content-Length : 0\n",
        f"{POST} Content-Length: 0\n",
        f"{POST}X: a\n folded\n",
        f"{POST}X: a\rContent-Length: 40\n",
        f"{POST}X: a\0b\n",
        "GET /v1/node HTTP/1.1\nHost: x\nHost: y\n",
    ],
    ids=lambda head: repr(head.split("\n", 2)[2])[:48],
)
async def test_what_could_be_read_in_two_ways_is_refused(house: House, head: str) -> None:
    """One answer at most, and it is 400."""
    found = await answers(house, head)
    assert found == [b"400"]
    assert house.upkeep.asked == []


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"])
async def test_a_body_in_pieces_is_read_to_its_end(house: House, body: bytes) -> None:
    """The next request begins where it ends."""
    found = await answers(house, f"{POST}Transfer-Encoding: chunked\n", body + SECOND)
    assert found == [b"200", b"200"]


@pytest.mark.parametrize(
    "body", [b"0x2\r\n{}\r\n0\r\n\r\n", b"-1\r\n", b"2;\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n"]
)
async def test_pieces_of_a_doubtful_length_are_refused(house: House, body: bytes) -> None:
    """They end the connection."""
    found = await answers(house, f"{POST}Transfer-Encoding: chunked\n", body + SECOND)
    assert found == [b"400"]
    assert house.upkeep.asked == []
