"""Runs checks side by side, each with a deadline: one that hangs holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.ctl.doctor.checks import Check
from supervisor.ctl.doctor.finding import Finding, UnknownFactError, bad, doubtful, unknown
from supervisor.ctl.doctor.scene import Scene
from supervisor.lifecycle.errors import SupervisorError

CHECK_SECONDS = 12.0
_CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """A check and what it has found."""

    check: Check
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be examined."""

    socket: Path
    config_file: Path | None
    user: str | None
    checks: Sequence[Check]


async def examine(question: Question, on_step: Callable[[list[str]], None]) -> list[Result]:
    """Run the checks; ``on_step`` hears the names of those that are still under way."""
    scene = Scene.at(question.socket, question.config_file, question.user)
    waiting = [check.name for check in question.checks]

    async def run(check: Check) -> Result:
        finding = await _finding(check, scene)
        waiting.remove(check.name)
        on_step(waiting)
        return Result(check, finding)

    try:
        return await asyncio.gather(*(run(check) for check in question.checks))
    finally:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await scene.close()


async def _finding(check: Check, scene: Scene) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check.examine(scene)
    except TimeoutError:
        return bad(
            f"No answer within {CHECK_SECONDS:g} s: something that it looks at hangs.",
            "A file server that is away, or an engine that is stuck? dmesg | tail; ps axo "
            "stat,pid,args | grep ^D; journalctl -u docker.",
        )
    except UnknownFactError as error:
        return unknown(f"Not known: {error}.")
    except PermissionError as error:
        return unknown(f"Not known to this user: {error.filename or error} (run as root).")
    except (SupervisorError, OSError) as error:
        return doubtful(f"It could not be found out: {error}", "Run it again, as root.")
    except Exception as error:  # noqa: BLE001 one check's defect is not to cost all others
        return doubtful(
            f"The check itself has failed: {type(error).__name__}: {error}",
            "Report it, with the versions that fxctl --version and docker version tell.",
        )
