"""What Docker tells of a container, in this project's words."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime

from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from supervisor.engine import labels
from supervisor.engine.base import ContainerRecord, container_name
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId

_STATUSES = {
    "created": ContainerStatus.CREATED,
    "running": ContainerStatus.RUNNING,
    "restarting": ContainerStatus.RUNNING,
    "paused": ContainerStatus.PAUSED,
    "exited": ContainerStatus.EXITED,
    "removing": ContainerStatus.EXITED,
    "dead": ContainerStatus.EXITED,
}


async def listed_record(listed: DockerContainer) -> ContainerRecord:
    """A listing has no exit codes; those that have exited are looked at one by one."""
    # A state we do not know is one in which there is a container.
    status = _STATUSES.get(listed["State"], ContainerStatus.RUNNING)
    found: dict[str, str] = listed["Labels"]
    session_id = SessionId(found[labels.SESSION])
    record = ContainerRecord(
        session_id=session_id,
        container_id=str(listed.id),
        status=status,
        created_at=float(listed["Created"]),
        user=found.get(labels.USER, ""),
        template=found.get(labels.TEMPLATE, ""),
        image=str(listed["Image"]),
        image_id=str(listed["ImageID"]),
        is_stray=f"/{container_name(session_id)}" not in listed["Names"],
    )
    if status is not ContainerStatus.EXITED:
        return record
    with contextlib.suppress(DockerError):
        state = (await listed.show())["State"]
        return replace(record, exit_code=state["ExitCode"], oom_killed=state["OOMKilled"])
    return record


def inspected_record(session_id: SessionId, container: DockerContainer) -> ContainerRecord:
    """What an inspection told."""
    state = container["State"]
    return ContainerRecord(
        session_id=session_id,
        container_id=str(container.id),
        status=_STATUSES.get(state["Status"], ContainerStatus.RUNNING),
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        created_at=_seconds(container["Created"]),
    )


def _seconds(text: str) -> float:
    """RFC 3339 with nanoseconds, which Python does not read, to seconds since the epoch."""
    return datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()
