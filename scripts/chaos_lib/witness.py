"""What the engine itself says: its event stream, written down, and its containers as they are.

Through ``docker``, never through the product.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from scripts.chaos_lib.processes import ChaosError, run

LABEL = "com.fastx.supervisor"
AGAIN_SECONDS = 0.3
_LINE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of one container."""

    action: str
    """As the engine calls it: create, start, kill, oom, die, pause, unpause, destroy, ..."""
    at_nanoseconds: int
    exit_code: str = ""
    signal: str = ""


@dataclass(slots=True)
class Life:
    """All that happened to one container."""

    session_id: str | None
    happenings: list[Happening] = field(default_factory=list)

    def did(self, *actions: str) -> list[Happening]:
        """What of these happened to it."""
        return [each for each in self.happenings if each.action in actions]


@dataclass(frozen=True, slots=True)
class Container:
    """One container as it is."""

    id: str
    session_id: str | None
    status: str
    started_at: str
    oom_killed: bool


class Witness:
    """Follows the events of one engine; reads its containers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._since = time.time()
        self._seen: set[tuple[str, str, int]] = set()
        self.lives: dict[str, Life] = {}

    async def docker(self, *arguments: str) -> str:
        """Run the engine's command line. Raises ChaosError."""
        return await run("docker", "-H", self._url, *arguments)

    async def run(self) -> None:
        """Write events down until cancelled; after the engine was away, from where it left off."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *("docker", "-H", self._url, "events", "--since", f"{self._since:.9f}"),
                *("--filter", "type=container", "--format", "{{json .}}"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                limit=_LINE_BYTES,
            )
            try:
                if process.stdout is not None:
                    async for line in process.stdout:
                        self._note(json.loads(line))
            except asyncio.CancelledError:
                process.kill()
                raise
            finally:
                await process.wait()
            await asyncio.sleep(AGAIN_SECONDS)

    def _note(self, raw: dict[str, Any]) -> None:
        actor, at = raw["Actor"], int(raw["timeNano"])
        attributes = actor.get("Attributes") or {}
        action = str(raw["Action"]).partition(":")[0]
        mark = (actor["ID"], action, at)
        if mark in self._seen:
            return
        self._seen.add(mark)
        self._since = at / 1e9
        life = self.lives.setdefault(actor["ID"], Life(attributes.get(f"{LABEL}.session")))
        exit_code, signal = attributes.get("exitCode", ""), attributes.get("signal", "")
        life.happenings.append(Happening(action, at, exit_code, signal))

    def of_session(self, session_id: str) -> dict[str, Life]:
        """Every container that the session ever had."""
        return {
            container_id: life
            for container_id, life in self.lives.items()
            if life.session_id == session_id
        }

    async def containers(self, owner: str) -> dict[str, Container]:
        """All that carry this instance's label, by id, running or not."""
        listed = await self.docker(
            *("ps", "-aq", "--no-trunc", "--filter", f"label={LABEL}.owner={owner}")
        )
        return await self.inspect(*listed.split())

    async def inspect(self, *ids: str) -> dict[str, Container]:
        """Those of them that are there."""
        if not ids:
            return {}
        try:
            text = await self.docker("inspect", "--type", "container", *ids)
        except ChaosError:
            # One went meanwhile: the command fails as a whole.
            found: dict[str, Container] = {}
            for each in ids if len(ids) > 1 else ():
                found |= await self.inspect(each)
            return found
        return {raw["Id"]: _container(raw) for raw in json.loads(text)}


def sessions_of(containers: dict[str, Container]) -> dict[str, list[Container]]:
    """By the session that their label names."""
    found: dict[str, list[Container]] = defaultdict(list)
    for each in containers.values():
        found[each.session_id or ""].append(each)
    return found


def _container(raw: dict[str, Any]) -> Container:
    state = raw["State"]
    return Container(
        id=raw["Id"],
        session_id=(raw["Config"]["Labels"] or {}).get(f"{LABEL}.session"),
        status=state["Status"],
        started_at=state["StartedAt"],
        oom_killed=state["OOMKilled"],
    )
