"""An engine that is measured does what it did, and it is counted once."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from contextlib import aclosing

import pytest

from supervisor.engine.base import Engine
from supervisor.engine.measured import MeasuredEngine
from supervisor.errors import EngineUnreachableError, ImagePullError
from supervisor.lifecycle.session import SessionId
from tests.support.memory_engine import MemoryEngine
from tests.support.memory_host import MemoryHost
from tests.unit.reactor.fakes import Clock

SESSION = SessionId("01hf000000000000000000000a")
IMAGE = "fx-any:image"


class Kept:
    """What the recorder was told."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.streams = 0
        self.delays: list[float] = []

    def engine_answered(self, call: str, seconds: float) -> None:
        """See EngineRecorder."""
        assert seconds >= 0
        self.answered[call] += 1

    def engine_failed(self, call: str, code: str) -> None:
        """See EngineRecorder."""
        self.failed[call, code] += 1

    def engine_stream_opened(self) -> None:
        """See EngineRecorder."""
        self.streams += 1

    def engine_event_arrived(self, delay_seconds: float) -> None:
        """See EngineRecorder."""
        self.delays.append(delay_seconds)


@pytest.fixture
def kept() -> Kept:
    """Nothing yet."""
    return Kept()


@pytest.fixture
def memory() -> MemoryEngine:
    """An engine with one image."""
    engine = MemoryEngine(MemoryHost(Clock(1_000.0)), "memory")
    engine.host.add_image(IMAGE)
    return engine


def test_no_call_is_left_out() -> None:
    """A method that the Protocol gets is to be handed on as well."""
    calls = {name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if name[0] != "_"}
    assert calls == {name for name in vars(MeasuredEngine) if name[0] != "_"}


async def test_calls_are_counted_by_name(kept: Kept, memory: MemoryEngine) -> None:
    """A pull is one, however many fractions it has."""
    engine = MeasuredEngine(memory, kept)
    await engine.version()
    assert await engine.find_image(IMAGE)
    assert await engine.find_image("fx-no:image") is None
    assert await engine.list_containers() == []
    assert kept.answered == {"version": 1, "find_image": 2, "list_containers": 1}
    assert not kept.failed


async def test_failures_are_counted_by_their_code(kept: Kept, memory: MemoryEngine) -> None:
    """They are answers as well, and go on to whoever asked."""
    engine = MeasuredEngine(memory, kept)
    async with aclosing(engine.pull_image("fx-no:image")) as fractions:
        with pytest.raises(ImagePullError):
            await anext(fractions)
    memory.go_away()
    with pytest.raises(EngineUnreachableError):
        await engine.remove(SESSION)
    assert kept.failed == {
        ("pull_image", "image_pull_failed"): 1,
        ("remove", "engine_unreachable"): 1,
    }
    assert kept.answered == {"pull_image": 1, "remove": 1}


async def test_what_is_broken_off_is_not_counted(kept: Kept, memory: MemoryEngine) -> None:
    """It would say that the engine was quick."""
    engine = MeasuredEngine(memory, kept)
    gate = memory.hold("list_containers")
    asking = asyncio.create_task(engine.list_containers())
    await gate.entered.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert not kept.answered
    assert not kept.failed
