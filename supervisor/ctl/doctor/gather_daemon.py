"""Asks the daemon, systemd and the kernel about the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from supervisor.ctl.doctor.finding import UnknownFactError
from supervisor.ctl.doctor.scene import Scene
from supervisor.ctl.errors import CtlError, ProblemError
from supervisor.ctl.views import Json
from supervisor.errors import EngineError

UNIT = "fx-supervisor.service"
_PROPERTIES = "LoadState,ActiveState,UnitFileState,Result,NRestarts"


async def daemon_error(scene: Scene) -> CtlError | None:
    """Why it does not answer; ``None`` if it does."""
    try:
        await scene.ask_node()
    except CtlError as error:
        return error
    return None


async def node(scene: Scene) -> Json:
    """The node object."""
    return await scene.node()


async def node_and_engine(scene: Scene) -> tuple[Json, bool]:
    """The node object, and whether the engine answers us."""
    found = await scene.node()
    try:
        await scene.ask_engine_info()
    except EngineError:
        return found, False
    return found, True


async def reconciliation(scene: Scene) -> Json:
    """What it would put in order. Raises UnknownFactError while it cannot tell."""
    found = await scene.node()
    if not found.get("ready"):
        message = "the daemon is not ready (see ready)"
        raise UnknownFactError(message)
    try:
        return await scene.ask_daemon(lambda client: client.reconcile(dry_run=True))
    except ProblemError as error:
        if error.status != 503:
            raise
        raise UnknownFactError(str(error).rstrip(".")) from None


async def service(_scene: Scene) -> Mapping[str, str] | None:
    """Properties of the unit; ``None`` where systemd does not run."""
    if not Path("/run/systemd/system").is_dir():  # noqa: ASYNC240 in memory
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            *("systemctl", "show", UNIT, f"--property={_PROPERTIES}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return None
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    pairs = (line.partition("=") for line in output.decode(errors="replace").splitlines())
    return {name: value for name, _, value in pairs}


def open_files(scene: Scene) -> int | None:
    """How many descriptors the daemon may have."""
    if scene.life is None:
        message = "the daemon does not run, or this user may not look at its process (run as root)"
        raise UnknownFactError(message)
    return scene.life.open_files


def most_processes() -> int:
    """How many processes and threads this kernel gives."""
    return min(_kernel_number("kernel/pid_max"), _kernel_number("kernel/threads-max"))


def inotify_instances() -> int:
    """Per user."""
    return _kernel_number("fs/inotify/max_user_instances")


def _kernel_number(name: str) -> int:
    return int((Path("/proc/sys") / name).read_text(encoding="ascii"))
