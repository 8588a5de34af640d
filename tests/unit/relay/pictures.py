"""Pictures of displays: made, asked for, and read."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from PIL import Image

from relay.config import RelayLimits
from supervisor.lifecycle.session import SessionId
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, House
from tests.unit.relay.test_web_api import URL
from tests.unit.relay.x_server import Part, XServer


@pytest.fixture
def limits() -> RelayLimits:
    """Small pictures, one at a time."""
    return replace(LIMITS, picture_pixels=100 * 100, picture_seconds=30.0, pictures=1)


HASTE = replace(
    LIMITS, picture_pixels=100 * 100, picture_seconds=0.2, handshake_seconds=0.2, pictures=1
)


def noise(width: int = 60, height: int = 40) -> Image.Image:
    """No two parts of it are alike."""
    content = random.Random(7).randbytes(width * height * 3)  # noqa: S311 a picture
    return Image.frombytes("RGB", (width, height), content)


def picture(png: bytes) -> Image.Image:
    """What a PNG shows."""
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image.convert("RGB")


async def fetch(
    house: House, session_id: SessionId, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask for a picture: status, headers and body."""
    async with house.web.get(f"{URL}/{session_id}/screenshot", headers=headers) as response:
        return response.status, response.headers, await response.read()


async def shown(house: House, agent: FakeAgent, server: XServer, session_id: SessionId) -> bytes:
    """The picture that is taken of this server."""
    asking = asyncio.create_task(fetch(house, session_id))
    await server.serve(*await agent.open_display())
    status, _, png = await asking
    assert status == 200, png
    return png


def tiles(side: int, size: tuple[int, int]) -> list[Part]:
    """A picture cut into squares."""
    width, height = size
    return [
        (x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]
