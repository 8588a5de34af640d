"""The core: many sessions live their lives while the daemon falls again and again.

A few elders live through all rounds. What is left of a round's other sessions when it has been
judged is ended, and judged once more: nothing of it may be there then.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.chaos_lib.act import ask, await_running, new_record, perform, play, record_of, start
from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Act, Blow, Do, Fall, Part, RoundPlan, draw_round
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.stage import Setting, Stage, staged
from scripts.chaos_lib.tally import Kind, Line, Violation
from scripts.chaos_lib.verdict import Court
from scripts.chaos_lib.web import UnansweredError

ELDERS = (Part.PLAIN, Part.FREEZING, Part.PLAIN, Part.FREEZING)
HANG_SECONDS = 1.5
SHOWN = 12
ENOUGH = 40
"""So many violations say what another round would say again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """How much of it."""

    seed: int
    rounds: int
    sessions: int
    say: Callable[[str], None]


async def play_core(core: Core, setting: Setting) -> Line:
    """All rounds, on one stage."""
    line, begun = Line("daemon-killed"), time.monotonic()
    async with staged(setting, "core") as stage:
        try:
            await _rounds(core, stage, line)
        except ChaosError as error:
            line.violations.append(Violation(Kind.UNTRUE, str(error)))
    line.seconds = time.monotonic() - begun
    return line


async def _rounds(core: Core, stage: Stage, line: Line) -> None:
    court = Court(stage, core.seed)
    elders = [new_record(f"chaos-{core.seed}-elder-{n}", part) for n, part in enumerate(ELDERS)]
    for elder in elders:
        stage.ledger.open(elder)
        line.violations += await start(stage, elder)
        line.violations += await await_running(stage, elder)
    line.sessions += len(elders)
    for number in range(1, core.rounds + 1):
        begun, before = time.monotonic(), len(line.violations)
        plan = draw_round(core.seed, number, core.sessions, len(elders))
        records = [stage.ledger.open(record_of(each)) for each in plan.sessions]
        line.violations += await _round(stage, plan, records, elders, court)
        line.rounds += 1
        line.sessions += len(records)
        line.faults += len(plan.blows)
        new = len(line.violations) - before
        spent = time.monotonic() - begun
        core.say(
            f"round {number} of {core.rounds}: {len(records)} sessions, daemon fell "
            f"{len(plan.blows)} times, {new or 'no'} violations ({spent:.0f} s)"
        )
        for violation in line.violations[before:][:SHOWN]:
            core.say(f"    {violation.kind}: {violation.text[:1000]}")
        if len(line.violations) > ENOUGH:
            break
    line.violations += await _clear(stage, elders)
    line.violations += await court.judge(0.0)


async def _round(
    stage: Stage, plan: RoundPlan, records: Sequence[Record], elders: Sequence[Record], court: Court
) -> list[Violation]:
    async with asyncio.TaskGroup() as group:
        parts = [
            group.create_task(play(stage, each, record))
            for each, record in zip(plan.sessions, records, strict=True)
        ]
        parts += [
            group.create_task(_live_on(stage, elder, acts))
            for elder, acts in zip(elders, plan.elder_acts, strict=True)
        ]
        parts.append(group.create_task(_fall(stage, plan.blows)))
    found = [violation for part in parts for violation in part.result()]
    healed_at = time.time()
    await stage.heal()
    found += await court.judge(healed_at)
    found += await _clear(stage, records)
    return found + await court.judge(0.0)


async def _live_on(stage: Stage, elder: Record, acts: tuple[Act, ...]) -> list[Violation]:
    try:
        return await perform(stage, elder, acts)
    except UnansweredError as error:
        return [Violation(Kind.LOST, f"session {elder.id}: {error}")]


async def _fall(stage: Stage, blows: Sequence[Blow]) -> list[Violation]:
    """Down and up again; some blows meet a daemon that is not ready yet."""
    found: list[Violation] = []
    daemon = stage.daemon
    for blow in blows:
        await asyncio.sleep(blow.after_seconds)
        match blow.fall:
            case Fall.KILL:
                await daemon.kill()
            case Fall.TERM:
                code = await daemon.stop()
                # One that has not come as far as its first word ends as any program does.
                silent = daemon.logs()[-1].stat().st_size == 0
                if code and not (silent and code == -signal.SIGTERM):
                    text = f"{daemon.logs()[-1]}: exit code {code} after SIGTERM"
                    found.append(Violation(Kind.UNTRUE, text))
            case Fall.HANG:
                daemon.pause()
                await asyncio.sleep(HANG_SECONDS + blow.down_seconds)
                daemon.go_on()
                continue
        await asyncio.sleep(blow.down_seconds)
        await daemon.start()
    return found


async def _clear(stage: Stage, records: Sequence[Record]) -> list[Violation]:
    """End what is left, one way or the other."""
    left = [
        (record, Do.PURGE if index % 2 else Do.TERMINATE)
        for index, record in enumerate(records)
        if record.id is not None and not (record.must_end or record.must_go)
    ]
    try:
        found = await asyncio.gather(*(ask(stage, record, do) for record, do in left))
    except UnansweredError as error:
        return [Violation(Kind.LOST, str(error))]
    return [violation for each in found for violation in each]
