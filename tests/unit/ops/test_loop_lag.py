"""How late the event loop is."""

from __future__ import annotations

import asyncio
import time

from supervisor.ops.loop_lag import sample

HELD_UP_SECONDS = 0.2


async def test_a_loop_that_is_held_up_is_told_as_late() -> None:
    """By as much as it was held up; each sample is one."""
    told: list[float] = []
    enough = asyncio.Event()

    def tell(seconds: float) -> None:
        told.append(seconds)
        if seconds >= HELD_UP_SECONDS / 2:
            enough.set()

    sampling = asyncio.create_task(sample(tell, 0.01))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(time.sleep, HELD_UP_SECONDS)
    async with asyncio.timeout(10):
        await enough.wait()
    sampling.cancel()
    await asyncio.wait([sampling])
    assert min(told) >= 0
