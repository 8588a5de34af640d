"""What cannot mend itself: ends, deaths, repeated keys, disturbed bystanders, logged crashes."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from scripts.chaos_lib import display
from scripts.chaos_lib.history import Wire
from scripts.chaos_lib.judge import Look, settled
from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.stage import Stage
from scripts.chaos_lib.tally import Kind, Violation
from scripts.chaos_lib.web import UnansweredError

CRASHES = frozenset({"fact_crashed", "effect_crashed", "request_failed", "adoption_failed"})
"""What the daemon logs when something happened that nobody has thought of."""
LOOKED_AT = 2
"""How many displays are connected each time."""


class Court:
    """Judges one stage, again and again; nothing is counted twice."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._dice = random.Random(seed)  # noqa: S311 nothing secret
        self._judged: set[str] = set()
        self._read: dict[Path, int] = {}
        self.looks = LOOKED_AT

    async def judge(self, healed_at: float) -> list[Violation]:
        """Wait for rest, then judge everything."""
        try:
            look, found = await settled(self._stage, healed_at)
            found += [each async for each in self._once(look)]
        except UnansweredError as error:
            found = [Violation(Kind.UNTRUE, str(error))]
        for reader in self._stage.readers:
            found += reader.history.violations
            reader.history.violations.clear()
        found += await self._stage.bystanders.judge()
        return found + list(self._crashes())

    async def _once(self, look: Look) -> AsyncIterator[Violation]:
        for record in self._stage.ledger:
            if record.id is None or record.key in self._judged:
                continue
            document = self._last_document(look, record.id)
            over = record.id not in look.sessions or (document or {}).get("phase") == "ended"
            if document is not None and document["phase"] == "ended":
                for violation in _end(record, document):
                    yield violation
            for violation in self._containers(record, look):
                yield violation
            if over:
                self._judged.add(record.key)
        async for violation in self._repeats(look):
            yield violation
        async for violation in self._displays(look):
            yield violation

    def _last_document(self, look: Look, session_id: str) -> Wire | None:
        told = self._stage.reader.history.sessions.get(session_id)
        return look.sessions.get(session_id) or (told.document if told is not None else None)

    def _containers(self, record: Record, look: Look) -> Iterator[Violation]:
        """By the engine's own account of each container that the session ever had."""
        session_id = record.id or ""
        lives = self._stage.witness.of_session(session_id)
        started = [each for each, life in lives.items() if life.did("start")]
        if len(started) > 1 and not record.may_restart:
            yield _of(record, Kind.DUPLICATED, f"started {len(started)} containers: {started}")
        if record.is_safe and not record.may_restart:
            for container_id, life in lives.items():
                if ends := life.did("die", "kill", "oom", "destroy"):
                    yield _of(record, Kind.KILLED, f"container {container_id[:12]}: {ends}")
        for container in look.containers.get(session_id, ()):
            first = record.container_id or container.id
            record.container_id = first
            if first != container.id:
                text = f"lived in container {first[:12]}, lives in {container.id[:12]}"
                yield _of(record, Kind.KILLED, text)

    async def _repeats(self, look: Look) -> AsyncIterator[Violation]:
        """A start that is repeated later is the same session, or none any more."""
        records = [
            each for each in self._stage.ledger if each.id in look.sessions and not each.is_key_lost
        ]
        answers = await asyncio.gather(
            *(
                self._stage.web.call("POST", "/v1/sessions", self._body(each), key=each.key)
                for each in records
            )
        )
        for record, answer in zip(records, answers, strict=True):
            if answer.status == 409:
                continue
            if answer.status != 202 or answer.body["id"] != record.id:
                text = f"its key was answered {answer.status} {answer.text}"
                yield _of(record, Kind.DUPLICATED, text)

    def _body(self, record: Record) -> Wire:
        return {"user": self._stage.daemon.site.user, **record.request}

    async def _displays(self, look: Look) -> AsyncIterator[Violation]:
        records = self._stage.ledger.by_id()
        running = [
            each
            for each, document in look.sessions.items()
            if document["phase"] == "running" and each in records and records[each].is_safe
            if document["container_id"] not in look.stuck
        ]
        for session_id in self._dice.sample(running, min(self.looks, len(running))):
            if text := await display.complaint(self._stage.web, session_id):
                yield _of(records[session_id], Kind.UNTRUE, text)

    def _crashes(self) -> Iterator[Violation]:
        """What every life has logged since it was last read."""
        for log in self._stage.daemon.logs():
            lines = log.read_text(errors="replace").splitlines()
            for line in lines[self._read.get(log, 0) :]:
                if _is_crash(line):
                    yield Violation(Kind.UNTRUE, f"{log.name}: {line[:600]}")
            self._read[log] = len(lines)


def _end(record: Record, document: Wire) -> Iterator[Violation]:
    """Whether it ended as it should."""
    reason, told = document["reason"], f"{document['reason']}: {document['message']}"
    if record.is_safe:
        yield _of(record, Kind.KILLED, f"nobody ended it, but it is over: {told}")
    elif reason not in record.ends:
        yield _of(record, Kind.UNTRUE, f"ended with {told!r}, should be one of {record.ends}")
    elif reason == "CommandExited" and record.exit_code not in (None, document["exit_code"]):
        text = f"exit code {document['exit_code']}, should be {record.exit_code}"
        yield _of(record, Kind.UNTRUE, text)


def _is_crash(line: str) -> bool:
    """A line cut short by a kill is none."""
    try:
        parsed = json.loads(line)
    except ValueError:
        return line.startswith(("Traceback ", "Task exception", "Exception "))
    return isinstance(parsed, dict) and parsed.get("event") in CRASHES


def _of(record: Record, kind: Kind, text: str) -> Violation:
    return Violation(kind, f"session {record.id}: {text}")
