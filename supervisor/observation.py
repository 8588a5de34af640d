"""What is counted and recorded of the daemon, put together: metrics and the audit trail."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from relay.app import Relay
from supervisor import __version__
from supervisor.engine.base import Engine
from supervisor.engine.measured import MeasuredEngine
from supervisor.lifecycle.audit import Act
from supervisor.ops.acts import SystemActs
from supervisor.ops.audit import Trail
from supervisor.ops.audit_sinks import FileSink, LogSink
from supervisor.ops.instruments import Instruments
from supervisor.ops.loop_lag import sample
from supervisor.ops.metrics import Metrics
from supervisor.ops.states import Certified, Counts, Node, Outboxed, Relayed
from supervisor.reactor.core import Core, CoreParts
from supervisor.reactor.milestones import Milestones


class Observation:
    """Metrics and audit trail of one daemon."""

    def __init__(self, audit_path: Path | None) -> None:
        self.metrics = Metrics()
        sink = LogSink() if audit_path is None else FileSink(audit_path)
        self.trail = Trail(sink, self.instruments)

    @property
    def instruments(self) -> Instruments:
        """What events are counted with as they happen."""
        return self.metrics.instruments

    def engine(self, engine: Engine) -> Engine:
        """The same engine, its calls counted and timed."""
        return MeasuredEngine(engine, self.instruments)

    def begin(self, core: Core, parts: CoreParts, relay: Relay, disks: Mapping[str, Path]) -> None:
        """Look at every part from here on; ``disks`` are the directories that are written to."""
        outbox = Outboxed(parts.database, core.health.notes, time.time)
        self.metrics.watch(
            Node(
                version=__version__,
                sessions=core.directory,
                health=core.health.health,
                catalog=parts.catalog,
                disks=disks,
                orphans=lambda: core.upkeep.orphans,
            ),
            Counts(core.tally, parts.database),
            Relayed(relay, lambda: len(core.broadcast)),
            Certified(relay.certificates),
            outbox,
        )
        self.metrics.survey_first(outbox.survey)
        parts.database.on_commit = self.instruments.committed
        acts = SystemActs(self.trail)
        core.upkeep.on_orphan_removed = acts.orphan_removed
        core.reactor.observe_changes(Milestones(self.instruments, time.time))
        core.reactor.observe_changes(acts)
        self.trail.start()
        self.trail.record(Act(action="daemon.start", details={"version": __version__}))

    async def run(self) -> None:
        """Sample the event loop until cancelled."""
        await sample(self.instruments.loop_lagged)

    def end(self, deadline_seconds: float) -> None:
        """Write what is to be written; blocks."""
        self.trail.record(Act(action="daemon.stop"))
        self.trail.close(deadline_seconds)
