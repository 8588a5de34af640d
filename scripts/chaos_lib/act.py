"""One session's part: what its web server asks, one after the other, and what it is answered."""

from __future__ import annotations

import asyncio

from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Act, Do, Part, SessionPlan
from scripts.chaos_lib.stage import Stage
from scripts.chaos_lib.tally import Kind, Violation
from scripts.chaos_lib.web import Answer, UnansweredError

RUNNING_SECONDS = 240.0
_ARRIVED = frozenset({"running", "suspended", "terminating", "ended", "deleted"})


def record_of(plan: SessionPlan) -> Record:
    """What the ledger says of a session before anything was asked."""
    record = new_record(plan.key, plan.part)
    match plan.part:
        case Part.BRIEF:
            command = f"sleep {plan.lasts_seconds}; exit {plan.exit_code}"
            record.request["command"] = command
            record.exit_code = plan.exit_code
            record.may_end("CommandExited")
            record.must_end = True
        case Part.ABSENT:
            record.may_end("CommandNotFound")
            record.must_end = True
        case _:
            pass
    return record


def new_record(key: str, part: Part) -> Record:
    """A session that nothing ends."""
    return Record(key, {"template": part.value, "name": key}, freezes=part is Part.FREEZING)


async def play(stage: Stage, plan: SessionPlan, record: Record) -> list[Violation]:
    """All of it; what was answered as it should not."""
    await asyncio.sleep(plan.start_after_seconds)
    try:
        found = await start(stage, record, plan.patience_seconds)
        if not found:
            found = await perform(stage, record, plan.acts)
    except UnansweredError as error:
        return [Violation(Kind.LOST, f"session {record.id or record.key}: {error}")]
    return found


async def start(
    stage: Stage, record: Record, patience: tuple[float, ...] = (30.0,)
) -> list[Violation]:
    """Ask for the session until it is accepted."""
    answer = await stage.web.start(record, patience)
    if answer.status == 202:
        return []
    return [
        Violation(Kind.UNTRUE, f"start {record.key} was answered {answer.status} {answer.text}")
    ]


async def perform(stage: Stage, record: Record, acts: tuple[Act, ...]) -> list[Violation]:
    """The acts in their order. Raises UnansweredError."""
    found: list[Violation] = []
    for act in acts:
        await asyncio.sleep(act.after_seconds)
        if act.do is Do.AWAIT_RUNNING:
            found += await await_running(stage, record)
        else:
            found += await ask(stage, record, act.do)
    return found


async def await_running(stage: Stage, record: Record) -> list[Violation]:
    """Wait until the stream tells that the session runs, or did."""
    history, session_id = stage.reader.history, record.id or ""
    if await history.until(lambda: history.phase(session_id) in _ARRIVED, RUNNING_SECONDS):
        return []
    phase = history.phase(session_id)
    return [
        Violation(Kind.LOST, f"session {session_id}: still {phase} after {RUNNING_SECONDS:g} s")
    ]


async def ask(stage: Stage, record: Record, do: Do) -> list[Violation]:
    """One call. What it may bring about is entered before, what it has to after its answer."""
    path = f"/v1/sessions/{record.id}"
    match do:
        case Do.PURGE:
            record.may_end("Purged", "Terminated")
            answer = await stage.web.call("DELETE", path)
            record.must_go = answer.status in (204, 404)
            right = answer.status == 204 or _may_be_gone(stage, record, answer)
        case Do.TERMINATE:
            record.may_end("Terminated")
            answer = await stage.web.call("POST", f"{path}/terminate")
            record.must_end = record.must_end or answer.status == 202
            right = answer.status == 202 or _may_be_gone(stage, record, answer)
        case _:
            answer = await stage.web.call("POST", f"{path}/{do.value}")
            if answer.status == 202:
                record.wish = "suspended" if do is Do.SUSPEND else "running"
            # Not in this phase: starting, or over already.
            right = answer.status in (202, 409) or _may_be_gone(stage, record, answer)
    if right:
        return []
    text = f"session {record.id}: {do.value} was answered {answer.status} {answer.text}"
    return [Violation(Kind.LOST if answer.status == 404 else Kind.UNTRUE, text)]


def _may_be_gone(stage: Stage, record: Record, answer: Answer) -> bool:
    """Purged by an attempt whose answer got lost, or past retention."""
    if answer.status != 404:
        return False
    purged = "Purged" in record.ends and (record.must_go or answer.attempts > 1)
    told = stage.reader.history.sessions.get(record.id or "")
    return purged or (told is not None and (told.deleted or told.phase == "ended"))
