"""What strangers on the network can make the relay keep or wait for, and who else notices."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay.config import RelayConfig, RelayLimits
from tests.support.certificates import Authority, KeyPair
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, House
from tests.unit.relay.network import calling, ended, networked, port_of

SECOND_ADDRESS = "127.0.0.2"
"""All of 127/8 is this host's, and each address a peer of its own."""


@pytest.fixture
def few_connections() -> None:
    """For tests that use them up."""


@pytest.fixture
def short_handshakes() -> None:
    """For tests that finish none."""


@pytest.fixture
def short_heads() -> None:
    """For tests that finish none."""


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> RelayLimits:
    """Few wrong tokens, none of which is forgotten; else as the test wants it."""
    wanted = request.fixturenames
    return replace(
        LIMITS,
        connections_per_address=4 if "few_connections" in wanted else 64,
        tls_handshakes_per_address=3 if "few_connections" in wanted else 64,
        tls_handshake_seconds=0.3 if "short_handshakes" in wanted else 30.0,
        head_seconds=0.3 if "short_heads" in wanted else 30.0,
        wrong_tokens=5,
        wrong_tokens_a_second=0.001,
    )


@pytest.fixture
def config(directory: Path, limits: RelayLimits, pair: KeyPair) -> RelayConfig:
    """With the network."""
    return networked(directory, limits, pair)


async def test_whoever_guesses_is_not_listened_to_and_others_are(
    house: House, authority: Authority
) -> None:
    """Before the handshake, which is what costs; by address."""
    async with calling(port_of(house), authority.trusting(), "wrong") as http:
        for _ in range(5):
            async with http.get("/healthz") as answer:
                assert answer.status == 401
        with pytest.raises(aiohttp.ClientError):
            await http.get("/healthz")
    tls = authority.trusting()
    async with (
        calling(port_of(house), tls, address=SECOND_ADDRESS) as other,
        other.get("/healthz") as answer,
    ):
        assert answer.status == 200


@pytest.mark.usefixtures("short_handshakes")
@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03"])
async def test_what_is_no_tls_ends_cleanly(house: House, said: bytes) -> None:
    """Soon, without an answer, and without a trace in the log on level error."""
    with capture_logs() as logs:
        answer = await ended(port_of(house), said)
        await until(lambda: any(entry["event"] == "offence_noted" for entry in logs))
    assert b"HTTP" not in answer
    noted = {entry["offence"] for entry in logs if entry["event"] == "offence_noted"}
    assert noted == {"tls_handshakes"}
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@pytest.mark.usefixtures("short_heads")
async def test_a_head_that_does_not_come_is_not_waited_for(
    house: House, authority: Authority
) -> None:
    """After the handshake as well, whether it was begun or not."""
    for said in (b"", b"GET /healthz HTTP/1.1\r\n"):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port_of(house), ssl=authority.trusting()
        )
        writer.write(said)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.usefixtures("few_connections")
async def test_connections_of_one_address_are_bounded(house: House, authority: Authority) -> None:
    """Before the handshake, and after it; what is over makes room, and others are served."""
    tls = authority.trusting()
    async with calling(port_of(house), tls) as http:
        streams = [await http.get("/v1/events") for _ in range(4)]
        assert await ended(port_of(house)) == b""
        with pytest.raises(aiohttp.ClientError):
            await http.get("/healthz")
        async with (
            calling(port_of(house), tls, address=SECOND_ADDRESS) as other,
            other.get("/healthz") as answer,
        ):
            assert answer.status == 200
        for stream in streams:
            stream.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    async with http.get("/healthz") as answer:
                        assert answer.status == 200
                        break
                except aiohttp.ClientError:
                    continue


@pytest.mark.usefixtures("few_connections")
async def test_handshakes_that_are_not_finished_are_bounded(
    house: House, authority: Authority
) -> None:
    """Whoever begins many and finishes none keeps nobody else out."""
    begun = [await asyncio.open_connection("127.0.0.1", port_of(house)) for _ in range(3)]
    fourth = await ended(port_of(house))
    assert fourth == b""
    async with (
        calling(port_of(house), authority.trusting(), address=SECOND_ADDRESS) as http,
        http.get("/healthz") as answer,
    ):
        assert answer.status == 200
    for _, writer in begun:
        writer.close()


async def test_looking_whether_somebody_listens_is_no_offence(
    house: House, authority: Authority
) -> None:
    """Load balancers do it all day, and their web servers come by the same address."""
    with capture_logs() as logs:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(house))
            writer.close()
            await writer.wait_closed()
        async with (
            calling(port_of(house), authority.trusting()) as http,
            http.get("/healthz") as answer,
        ):
            assert answer.status == 200
    assert not [entry for entry in logs if entry["event"] == "offence_noted"]
