"""Where the agent is run: real containers, the real X server bundle, a scripted relay."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.agent_container import AgentStage
from tests.support.engine import docker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage() -> AsyncIterator[AgentStage]:
    """The stage of this run; at its end no container may be left."""
    made = AgentStage.of_environment()
    yield made
    left = await made.left()
    if left:
        await docker("rm", "--force", "--volumes", *left)
    assert left == [], "tests left containers behind (which are removed now)"
