"""The units as they are shipped, by systemd's own judgement."""

from __future__ import annotations

import json

import pytest

from tests.support.machine import SOCKETS, UNIT, Machine

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

MOST_EXPOSURE = 2.0


async def test_units_are_in_order(machine: Machine) -> None:
    """Nothing to complain of: no unknown word, no missing program, no loop."""
    assert await machine.run("systemd-analyze", "verify", UNIT, SOCKETS) == ""


async def test_exposure(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """How much of the host the daemon sees, from 0 to 10; what is left is told."""
    command = ("systemd-analyze", "security", "--no-pager", "--json=short", UNIT)
    told = json.loads(await machine.run(*command))
    left = {each["name"] or each["json_field"]: each["exposure"] for each in told}
    exposed = {name: float(value) for name, value in left.items() if value}
    text = await machine.run("systemd-analyze", "security", "--no-pager", UNIT)
    overall = float(text.rpartition("exposure level for")[2].split(":")[1].split()[0])
    with capsys.disabled():
        print(f"\nexposure {overall} (at most {MOST_EXPOSURE}), by {exposed}")  # noqa: T201 the log's
    assert overall <= MOST_EXPOSURE


async def test_the_machine_has_come_up_whole(machine: Machine) -> None:
    """No unit has failed; the account is the engine's user."""
    assert await machine.run("systemctl", "--failed", "--plain", "--no-legend") == ""
    assert "docker" in (await machine.run("id", "-nG", "fastx")).split()
