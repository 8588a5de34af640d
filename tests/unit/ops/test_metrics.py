"""What a monitor is told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest_asyncio

from supervisor.engine.base import EngineVersion
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.ops.metrics import Metrics
from supervisor.ops.states import Counts, Node, Outboxed, Relayed
from supervisor.reactor.directory import Directory
from supervisor.reactor.tally import Tally
from supervisor.reactor.watcher import EngineHealth
from supervisor.store.outbox import append
from supervisor.template.catalog import TemplateCatalog
from tests.support.scraping import samples
from tests.support.sessions import session_in
from tests.unit.reactor.fakes import BreakableDatabase

WEBHOOK = {"state": "failing", "sessions_behind": 3, "sessions_refused": 2}


class Census:
    """A relay with some of each."""

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """See RelayCensus."""
        return {
            "viewers": {"control": 2, "view": 1},
            "tickets": {"": 5},
            "agents": {"": 4},
            "readers": {"log": 6},
        }


@dataclass
class Gauges:
    """All that is looked at, and the numbers that come of it."""

    metrics: Metrics
    directory: Directory
    tally: Tally
    database: BreakableDatabase
    health: EngineHealth

    async def read(self) -> dict[str, float]:
        """Samples by name and labels, without the prefix."""
        return samples(await self.metrics.expose())


@pytest_asyncio.fixture
async def gauges(tmp_path: Path) -> AsyncIterator[Gauges]:
    """A daemon's metrics over parts that a test can change."""
    database = BreakableDatabase(tmp_path / "supervisor.db")
    await database.open()
    metrics, directory, tally, health = Metrics(), Directory(), Tally(), EngineHealth()
    catalog = TemplateCatalog(tmp_path / "etc", tmp_path / "shipped")
    outbox = Outboxed(database, {"webhook": lambda: WEBHOOK}, lambda: 1_000.0)
    metrics.watch(
        Node(
            version="1.2.3",
            sessions=directory,
            health=health,
            catalog=catalog,
            disks={"local": tmp_path, "run": Path("/nowhere")},
            orphans=lambda: 8,
        ),
        Counts(tally, database),
        Relayed(Census(), lambda: 7),
        outbox,
    )
    metrics.survey_first(outbox.survey)
    database.on_commit = metrics.instruments.committed
    yield Gauges(metrics, directory, tally, database, health)
    await database.close()


async def test_states_are_those_of_the_moment(gauges: Gauges) -> None:
    """Whatever came before: a session that is dropped is not counted any more."""
    running = session_in(Phase.RUNNING)
    gauges.directory.put(running)
    gauges.directory.put(replace(running, id=SessionId("01hf000000000000000000000b")))
    found = await gauges.read()
    assert found['sessions{phase="running"}'] == 2
    assert found['sessions{phase="ended"}'] == 0
    gauges.directory.drop(running.id)
    assert (await gauges.read())['sessions{phase="running"}'] == 1


async def test_counts_are_what_was_counted(gauges: Gauges) -> None:
    """Of this life of the daemon, and drift by what is done about it."""
    tally = gauges.tally
    tally.orphans_found, tally.orphans_removed = 4, 3
    tally.sessions_adopted, tally.adoptions_failed, tally.sessions_rebuilt = 1, 4, 5
    tally.drift_by_remedy.update({"end": 2})
    gauges.database.failed_calls = 6
    found = await gauges.read()
    assert found["orphans_found_total"] == 4
    assert found["orphans_removed_total"] == 3
    assert found["sessions_adopted_total"] == 1
    assert found["adoptions_failed_total"] == 4
    assert found["sessions_rebuilt_total"] == 5
    assert found["store_failures_total"] == 6
    assert found['drift_found_total{remedy="end"}'] == 2
    assert found['drift_found_total{remedy="put_back"}'] == 0


async def test_the_engine_and_readiness_are_told(gauges: Gauges) -> None:
    """Up is not ready: sessions may not be adopted yet."""
    gauges.health.reachable = True
    gauges.health.version = EngineVersion(name="docker", version="20.10", api_version="1.41")
    found = await gauges.read()
    assert (found["engine_up"], found["ready"]) == (1, 0)
    assert found['engine_info{api="1.41",name="docker",version="20.10"}'] == 1
    assert found['build_info{version="1.2.3"}'] == 1
    gauges.health.adopted = True
    assert (await gauges.read())["ready"] == 1


async def test_faulty_templates_are_counted_by_file(gauges: Gauges, tmp_path: Path) -> None:
    """However many faults one has; and its name is no label."""
    directory = tmp_path / "etc" / "launcher-templates"
    directory.mkdir(parents=True)
    (directory / "good.tpl").write_text("image: a\ncommand: xterm\n")
    (directory / "bad.tpl").write_text("image: 7\ncommand: [1]\nnonsense: 1\n")
    (directory / 'x"} 1.tpl').write_text("image: a\n")
    found = await gauges.read()
    assert found["templates_faulty"] == 2
    assert found["templates"] == 2
    assert not [name for name in found if "bad" in name or 'x"' in name]


async def test_the_relay_and_the_webhook_are_asked(gauges: Gauges) -> None:
    """At each scrape; a directory that is not there has no sample."""
    found = await gauges.read()
    assert found['viewers{mode="control"}'] == 2
    assert found['viewers{mode="view"}'] == 1
    assert found["tickets"] == 5
    assert found["orphans"] == 8
    assert found["agents_connected"] == 4
    assert found['stream_readers{stream="events"}'] == 7
    assert found['stream_readers{stream="log"}'] == 6
    assert found['webhook_state{state="failing"}'] == 1
    assert found['webhook_state{state="delivering"}'] == 0
    assert found['webhook_lanes{state="behind"}'] == 3
    assert found['webhook_lanes{state="refused"}'] == 2
    assert found['disk_available_bytes{directory="local"}'] > 0
    assert 'disk_available_bytes{directory="run"}' not in found


async def test_the_outbox_is_measured_from_the_webhooks_place(gauges: Gauges) -> None:
    """What it has not delivered, and how old the oldest of that is; what it has is no backlog."""
    session = session_in(Phase.RUNNING)
    other = replace(session, id=SessionId("01hf000000000000000000000b"))
    for at, each in ((100.0, session), (300.0, other), (400.0, session), (600.0, other)):
        await gauges.database.run(lambda db, s=each, t=at: append(db, s, EventKind.UPDATE, t))
    found = await gauges.read()
    assert (found["outbox_events"], found["outbox_oldest_age_seconds"]) == (4, 900)

    def deliver_some(db: object) -> None:
        db.execute("INSERT INTO cursors (name, seq) VALUES ('webhook', 3)")  # type: ignore[attr-defined]
        db.execute(  # type: ignore[attr-defined]
            "INSERT INTO lanes (cursor, session_id, seq) VALUES ('webhook', ?, 2)", (other.id,)
        )

    await gauges.database.run(deliver_some)
    found = await gauges.read()
    assert (found["outbox_events"], found["outbox_oldest_age_seconds"]) == (2, 700)


async def test_a_store_that_fails_costs_its_own_samples_only(gauges: Gauges) -> None:
    """When a disk is full, a monitor is wanted most."""
    await gauges.read()
    gauges.database.failures = 1
    found = await gauges.read()
    assert "outbox_events" not in found
    assert found['webhook_state{state="failing"}'] == 1


async def test_commits_are_timed(gauges: Gauges) -> None:
    """Each transaction once, whoever asked for it."""
    before = (await gauges.read())["store_commit_duration_seconds_count"]
    await gauges.database.run(lambda db: db.execute("SELECT 1"))
    after = (await gauges.read())["store_commit_duration_seconds_count"]
    assert after >= before + 1


async def test_the_process_is_measured(gauges: Gauges) -> None:
    """By the client's own collector, which reads /proc."""
    found = await gauges.read()
    assert found["process_open_fds"] > 0
    assert found["process_resident_memory_bytes"] > 0
    assert found["process_cpu_seconds_total"] > 0


async def test_names_keep_to_the_conventions(gauges: Gauges) -> None:
    """One prefix, base units, ``_total`` for what only grows, no series about creation times."""
    text = (await gauges.metrics.expose()).decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    ours = {name for name in kinds if not name.startswith(("process_", "python_"))}
    assert all(name.startswith("fastx_supervisor_") for name in ours)
    assert all(name.endswith("_total") for name in ours if kinds[name] == "counter")
    assert all(name.endswith("_seconds") for name in ours if kinds[name] == "histogram")
    assert not [name for name in kinds if name.endswith(("_created", "_milliseconds", "_ms"))]
