"""So many at once, where how many changes while some are inside and others wait."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.reactor.turnstile import Turnstile


class Gate:
    """A turnstile and whoever goes through it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.turnstile = Turnstile(lambda: self.most)
        self.inside: list[int] = []
        self.leave = asyncio.Event()

    async def visit(self, number: int) -> None:
        """Go in, and stay until everybody leaves."""
        async with self.turnstile:
            self.inside.append(number)
            await self.leave.wait()

    def come(self, count: int) -> list[asyncio.Task[None]]:
        """So many at once."""
        return [asyncio.create_task(self.visit(number)) for number in range(count)]


async def settle() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_so_many_go_in_in_order(most: int) -> None:
    """The others when one leaves."""
    gate = Gate(most)
    visits = gate.come(4)
    await settle()
    assert gate.inside == [0, 1, 2, 3][:most]
    gate.leave.set()
    await asyncio.gather(*visits)
    assert gate.inside == [0, 1, 2, 3]


async def test_a_greater_number_lets_in_who_waits() -> None:
    """At once; a smaller one puts nobody out, and lets nobody in before there is room."""
    gate = Gate(1)
    visits = gate.come(4)
    await settle()
    gate.most = 3
    gate.turnstile.look_again()
    await settle()
    assert gate.inside == [0, 1, 2]
    gate.most = 1
    gate.turnstile.look_again()
    for visit in visits[:2]:
        visit.cancel()
    await settle()
    assert gate.inside == [0, 1, 2]
    visits[2].cancel()
    await settle()
    assert gate.inside == [0, 1, 2, 3]
    gate.leave.set()
    await visits[3]


@pytest.mark.parametrize("is_let_in", [False, True])
async def test_who_gives_up_takes_no_place(*, is_let_in: bool) -> None:
    """Neither while waiting, nor when let in at that moment."""
    gate = Gate(1)
    first, second, third = gate.come(3)
    await settle()
    if is_let_in:
        first.cancel()
        while not first.done():
            await asyncio.sleep(0)
    second.cancel()
    await settle()
    first.cancel()
    await settle()
    assert gate.inside == [0, 2]
    gate.leave.set()
    await third
