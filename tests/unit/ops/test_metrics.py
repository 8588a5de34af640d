"""What a monitor is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prometheus_client import generate_latest

from supervisor.lifecycle.session import Phase, SessionId
from supervisor.ops.metrics import registry
from supervisor.reactor.directory import Directory
from supervisor.reactor.tally import Tally
from supervisor.store.database import Database
from tests.support.sessions import session_in


def test_states_are_those_of_the_moment(tmp_path: Path) -> None:
    """Whatever came before; counts are what was counted."""
    directory, tally, database = Directory(), Tally(), Database(tmp_path / "supervisor.db")
    measured = registry(directory, tally, database)
    running = session_in(Phase.RUNNING)
    directory.put(running)
    directory.put(replace(running, id=SessionId("01hf000000000000000000000b")))
    lines = generate_latest(measured).decode().splitlines()
    assert 'fastx_supervisor_sessions{phase="running"} 2.0' in lines
    assert 'fastx_supervisor_sessions{phase="ended"} 0.0' in lines
    directory.drop(running.id)
    tally.orphans_removed += 3
    tally.drift_found += 2
    tally.sessions_adopted += 1
    tally.adoptions_failed += 4
    tally.sessions_rebuilt += 5
    database.failed_calls += 6
    lines = generate_latest(measured).decode().splitlines()
    for expected in (
        'fastx_supervisor_sessions{phase="running"} 1.0',
        "fastx_supervisor_orphans_removed_total 3.0",
        "fastx_supervisor_drift_found_total 2.0",
        "fastx_supervisor_sessions_adopted_total 1.0",
        "fastx_supervisor_adoptions_failed_total 4.0",
        "fastx_supervisor_sessions_rebuilt_total 5.0",
        "fastx_supervisor_store_failures_total 6.0",
    ):
        assert expected in lines
