"""Asks the engine, and the kernel about the engine's socket."""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from supervisor.ctl.doctor.finding import UnknownFactError
from supervisor.ctl.doctor.gather_files import daemon_account, disk_of
from supervisor.ctl.doctor.gather_setup import template_images
from supervisor.ctl.doctor.judge_engine import EngineReach, SocketAccess, Trial
from supervisor.ctl.doctor.judge_files import Disk
from supervisor.ctl.doctor.scene import Scene, on_thread
from supervisor.errors import EngineError

_TRIED_BYTES = 64 * 1024 * 1024


async def engine_reach(scene: Scene) -> EngineReach:
    """Whether it answers, and as what."""
    url = await scene.engine_url()
    try:
        info = await scene.ask_engine_info()
    except EngineError as error:
        return EngineReach(url, "", error, needs_access=_is_administrator(scene))
    return EngineReach(url, str(info.get("ServerVersion")))


def _is_administrator(scene: Scene) -> bool:
    try:
        return os.geteuid() in {0, daemon_account(scene)[1]}
    except UnknownFactError:
        return os.geteuid() == 0


async def socket_access(scene: Scene) -> SocketAccess | None:
    """Who may use the engine's socket; ``None`` for one on TCP."""
    url = await scene.engine_url()
    if not url.startswith("unix://"):
        return None
    path = url.removeprefix("unix://")
    return await on_thread(lambda: _socket_access(scene, path))


def _socket_access(scene: Scene, path: str) -> SocketAccess:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        message = f"there is no socket {path} (see engine)"
        raise UnknownFactError(message) from None
    name, uid = daemon_account(scene)
    return SocketAccess(
        path=path,
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        group=_group_name(status.st_gid),
        daemon_user=name,
        daemon_uid=uid,
        account_gids=frozenset(os.getgrouplist(name, pwd.getpwuid(uid).pw_gid)),
        process_gids=scene.life.gids if scene.life else None,
    )


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


async def engine_info(scene: Scene) -> Mapping[str, Any]:
    """``GET /info``."""
    return await scene.engine_info()


async def engine_version(scene: Scene) -> Mapping[str, Any]:
    """``GET /version``."""
    return await (await scene.engine()).version()


async def limits_trial(scene: Scene) -> Trial:
    """A container with limits, as the engine makes it of an image that a template has."""
    info = await scene.engine_info()
    image_id = await _some_image(scene)
    if image_id is None:
        return Trial(info)
    host = {"Memory": _TRIED_BYTES, "PidsLimit": 64, "NanoCpus": 500_000_000}
    survey = await scene.engine()
    warnings, made = await survey.try_container({"Image": image_id, "HostConfig": host})
    return Trial(info, tuple(warnings), made)


async def mount_refusal(scene: Scene, home: Path) -> str:
    """What the engine says to a container with this directory; empty for nothing."""
    image_id = await _some_image(scene)
    if image_id is None:
        message = "no template's image is here to try it with (see images)"
        raise UnknownFactError(message)
    mount = {"Type": "bind", "Source": str(home), "Target": str(home)}
    body = {"Image": image_id, "HostConfig": {"Mounts": [mount]}}
    try:
        await (await scene.engine()).try_container(body)
    except EngineError as error:
        return str(error)
    return ""


async def _some_image(scene: Scene) -> str | None:
    try:
        images = await template_images(scene)
    except UnknownFactError:
        return None
    return next((each.image_id for each in images if each.image_id), None)


async def clock_difference(scene: Scene) -> float:
    """By how many seconds the engine's clock is ahead of ours."""
    # Asked anew: the answer that others share may be seconds old.
    survey = await scene.engine()
    sent = time.time()
    info = await survey.info()
    received = time.time()
    try:
        theirs = datetime.fromisoformat(_microseconds(str(info["SystemTime"]))).timestamp()
    except (KeyError, ValueError):
        message = "the engine does not tell its time"
        raise UnknownFactError(message) from None
    if sent <= theirs <= received:
        return 0.0
    return theirs - (received if theirs > received else sent)


def _microseconds(text: str) -> str:
    """Python reads six digits after the point, and the engine gives nine."""
    head, point, tail = text.partition(".")
    if not point:
        return text
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(6, digits)]}{tail[digits:]}"


async def networks(scene: Scene) -> Mapping[str, int]:
    """Bridge networks and how many containers each has."""
    return await (await scene.engine()).networks()


async def engine_disk(scene: Scene) -> Disk:
    """Where images and containers are."""
    root = str((await scene.engine_info()).get("DockerRootDir") or "")
    if not (await scene.engine_url()).startswith("unix://"):
        message = "the engine's disk is on another host"
        raise UnknownFactError(message)
    return await on_thread(lambda: disk_of(Path(root)))
