"""One single fault: its stage, the sessions it meets, what is right after it, and the judgement."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from scripts.chaos_lib.act import ask, await_running, new_record, start
from scripts.chaos_lib.ledger import Record
from scripts.chaos_lib.plan import Do, Part
from scripts.chaos_lib.private_engine import PrivateEngine
from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.stage import Setting, Stage, staged
from scripts.chaos_lib.tally import Kind, Line, Violation
from scripts.chaos_lib.verdict import Court
from scripts.chaos_lib.web import UnansweredError
from tests.support.engine_proxy import EngineProxy

TOLD_SECONDS = 120.0
"""How long to wait for news; it comes in a second where nothing else runs."""
FINAL = frozenset({"ended", "deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of it, and where to say how far it is."""

    seed: int
    quick: bool
    say: Callable[[str], None]

    def seconds(self, full: float, quick: float) -> float:
        """A span that a quick run shortens."""
        return quick if self.quick else full


@dataclass(slots=True, kw_only=True)
class Scene:
    """What a fault has in its hands."""

    name: str
    stage: Stage
    scale: Scale
    line: Line
    proxy: EngineProxy | None
    dice: random.Random
    records: list[Record] = field(default_factory=list)

    @property
    def engine(self) -> PrivateEngine:
        """The engine that may be killed. Raises ChaosError where there is none."""
        if self.stage.private is None:
            raise ChaosError("this fault needs an engine of its own")
        return self.stage.private

    def wrong(self, kind: Kind, text: str) -> None:
        """Count a violation."""
        self.line.violations.append(Violation(kind, text))

    def record(self, part: Part) -> Record:
        """Enter a session; nothing is asked yet."""
        key = f"chaos-{self.scale.seed}-{self.name}-{len(self.records)}"
        record = self.stage.ledger.open(new_record(key, part))
        self.records.append(record)
        self.line.sessions += 1
        return record

    async def ask_for(self, *parts: Part) -> list[Record]:
        """Sessions that were accepted."""
        records = [self.record(part) for part in parts]
        for found in await asyncio.gather(*(start(self.stage, each) for each in records)):
            self.line.violations += found
        return records

    async def run(self, *parts: Part) -> list[Record]:
        """Sessions that run."""
        records = await self.ask_for(*parts)
        for each in records:
            self.line.violations += await await_running(self.stage, each)
        return records

    async def ask(self, record: Record, do: Do) -> None:
        """One wish."""
        self.line.violations += await ask(self.stage, record, do)

    async def told(self, record: Record, *phases: str) -> None:
        """Wait until the stream has told of one of these phases; that it never does is wrong."""
        history, session_id = self.stage.reader.history, record.id or ""
        awaited = {*phases, *FINAL}
        await history.until(lambda: history.phase(session_id) in awaited, TOLD_SECONDS)
        if (phase := history.phase(session_id)) not in phases:
            self.wrong(Kind.UNTRUE, f"session {session_id}: {phase}, should be one of {phases}")

    def container(self, record: Record) -> str:
        """The id of its container, as the stream told."""
        document = self.stage.reader.history.sessions[record.id or ""].document
        return str(document["container_id"])

    async def ends(self, record: Record, *reasons: str) -> None:
        """It has to end now, for one of these reasons."""
        record.may_end(*reasons)
        record.must_end = True
        await self.told(record, "ended", "deleted")


Play = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault by its name; ``inflict`` does it."""

    name: str
    what: str
    """Half a sentence for people."""
    inflict: Play
    config: Mapping[str, Any] = field(default_factory=dict)
    live_restore: bool = False
    proxied: bool = False
    """The daemon reaches the engine through something that can be cut."""

    async def play(self, setting: Setting, scale: Scale) -> Line:
        """Set the stage, inflict, heal, judge, clear, judge again."""
        line, begun = Line(self.name, rounds=1), time.monotonic()
        engine = setting.private
        try:
            if self.live_restore and engine is not None:
                await engine.stop()
                await engine.start(live_restore=True)
            await self._play(setting, scale, line)
        except (ChaosError, UnansweredError, TimeoutError) as error:
            line.violations.append(Violation(Kind.UNTRUE, str(error) or type(error).__name__))
        if self.live_restore and engine is not None:
            await engine.stop()
            await engine.start()
        line.seconds = time.monotonic() - begun
        return line

    async def _play(self, setting: Setting, scale: Scale, line: Line) -> None:
        async with AsyncExitStack() as stack:
            proxy = None
            if self.proxied:
                path = setting.parent / f"{self.name}.sock"
                path.parent.mkdir(parents=True, exist_ok=True)
                proxy = EngineProxy(path, setting.engine_url.removeprefix("unix://"))
                await proxy.mend()
                stack.push_async_callback(proxy.cut)
            url = proxy.url if proxy is not None else None
            stage = await stack.enter_async_context(staged(setting, self.name, self.config, url))
            scene = Scene(
                name=self.name,
                stage=stage,
                scale=scale,
                line=line,
                proxy=proxy,
                dice=random.Random(f"{scale.seed}/{self.name}"),  # noqa: S311 nothing secret
            )
            court = Court(stage, scale.seed)
            await self.inflict(scene)
            healed_at = time.time()
            await stage.heal()
            line.violations += await court.judge(healed_at)
            await _clear(scene)
            line.violations += await court.judge(0.0)


async def _clear(scene: Scene) -> None:
    left = [each for each in scene.records if each.id and not (each.must_end or each.must_go)]
    await asyncio.gather(*(scene.ask(each, Do.TERMINATE) for each in left))
