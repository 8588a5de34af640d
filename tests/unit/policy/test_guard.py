"""The policy's look at mounts: a file server that hangs costs those who wait for it alone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from supervisor.host.identity import Identity
from supervisor.lifecycle.errors import UnavailableError
from supervisor.policy import guard
from supervisor.policy.guard import Guard
from supervisor.policy.rules import Policy
from supervisor.template.spec import ContainerSpec
from tests.unit.template.samples import rendered

ALICE = Identity("alice", 1000, 1000, "/home/alice", "/bin/sh", "", ())


async def test_a_file_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is told to try again; threads of the daemon's other work stay free."""
    answered = threading.Event()

    def admit(_self: Guard, spec: ContainerSpec, _identity: Identity) -> ContainerSpec:
        answered.wait(60)
        return spec

    monkeypatch.setattr(Guard, "admit", admit)
    monkeypatch.setattr(guard, "JUDGE_SECONDS", 0.05)
    subject, spec = Guard(Policy()), rendered("image: fx/x").spec
    try:
        starts = (subject.admitted(spec, ALICE) for _ in range(64))
        found = await asyncio.gather(*starts, return_exceptions=True)
        assert all(isinstance(each, UnavailableError) for each in found), found
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        answered.set()
