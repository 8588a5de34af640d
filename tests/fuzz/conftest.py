"""One daemon for all that is generated, with sessions in it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.fuzz.daemon import URL, FuzzedDaemon, fuzzed_daemon
from tests.support.eventually import eventually
from tests.support.surroundings import Surroundings, surroundings


@pytest.fixture(scope="session")
def site() -> Surroundings:
    """What ``scripts/test`` has prepared."""
    return surroundings()


@pytest.fixture(scope="module")
def daemon(site: Surroundings) -> Iterator[FuzzedDaemon]:
    """The daemon; afterwards its log has no failure of its own in it."""
    directory = Path(tempfile.mkdtemp(prefix="fxf-", dir="/tmp"))
    try:
        with fuzzed_daemon(directory, site.bundle) as running:
            yield running
        failures = [line for line in running.log if line["level"] in {"error", "critical"}]
        assert failures == []
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def running(daemon: FuzzedDaemon, site: Surroundings) -> Iterator[str]:
    """A session whose agent has said that it is ready."""
    session_id = started(daemon, site.user)
    yield session_id
    daemon.web.delete(f"{URL}/v1/sessions/{session_id}", timeout=10)


@pytest.fixture
def crowd(daemon: FuzzedDaemon, site: Surroundings) -> Iterator[Iterator[str]]:
    """Running sessions, one after the other and again: each may call so many times a second."""
    sessions = [started(daemon, site.user) for _ in range(6)]
    yield cycle(sessions)
    for session_id in sessions:
        daemon.web.delete(f"{URL}/v1/sessions/{session_id}", timeout=10)


def started(daemon: FuzzedDaemon, user: str) -> str:
    """The id of a session that runs."""
    # What was generated may have cordoned the node.
    daemon.web.post(f"{URL}/v1/node/undrain", json={}, timeout=10).raise_for_status()
    session_id = daemon.start(user)
    asyncio.run(eventually(lambda: daemon.token(session_id) is not None, "there is a token"))
    asyncio.run(eventually(lambda: said_ready(daemon, session_id), "the agent may speak"))
    asyncio.run(eventually(lambda: daemon.phase(session_id) == "running", "it runs"))
    return session_id


def said_ready(daemon: FuzzedDaemon, session_id: str) -> bool:
    """Whether it was taken; the token holds from the commit before the container starts."""
    answer = daemon.agents.post(
        f"{URL}/v1/callbacks",
        json={"seq": 1, "type": "ready"},
        headers={"Authorization": f"Bearer {daemon.token(session_id)}"},
        timeout=10,
    )
    return answer.status_code == 204
