"""A template's container with what a session needs added: agent, bundle, files, labels. Pure.

Everything is mounted read-only; the only writable host path in the container is what the template
mounts (HOME).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from supervisor.engine import labels
from supervisor.engine.agent_document import AGENT_PATH, BUNDLE_PATH, RELAY_PATH, SESSION_PATH
from supervisor.engine.payload import container_body, spec_hash
from supervisor.engine.plan import LaunchPlan
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.session import Session
from supervisor.template.spec import ContainerSpec, Mount, MountType

_RUNTIME_TMPFS_BYTES = 64 * 1024 * 1024
_X_SOCKETS = "/tmp/.X11-unix"  # noqa: S108 in the container


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPaths:
    """Where this host keeps what is mounted into containers; paths as the engine sees them."""

    agent: Path
    bundle: Path
    sessions: Path
    relay: Path
    bundle_mounts: Mapping[str, str] = field(default_factory=dict)
    """Parts of the bundle (relative) that the X server expects at fixed places (absolute)."""


def dress(
    session: Session, plan: LaunchPlan, image: ImageContents, paths: HostPaths, owner: str
) -> ContainerSpec:
    """The complete container of a session."""
    runtime_directory = f"/run/user/{plan.identity.uid}"
    spec = replace(
        plan.spec,
        entrypoint=(image.perl or "/usr/bin/perl", f"{AGENT_PATH}/bin/fx-session"),
        command=(),
        mounts=plan.spec.mounts + _mounts(session, paths),
        tmpfs={
            **_needed_tmp(plan),
            **plan.spec.tmpfs,
            runtime_directory: _runtime_options(plan),
        },
        environment={**plan.spec.environment, "XDG_RUNTIME_DIR": runtime_directory},
    )
    return replace(spec, labels={**spec.labels, **_labels(session, owner, spec)})


def _mounts(session: Session, paths: HostPaths) -> tuple[Mount, ...]:
    files = paths.sessions / session.id
    pairs = [
        (paths.agent, AGENT_PATH),
        (paths.bundle, BUNDLE_PATH),
        (paths.relay, RELAY_PATH),
        (files / "session.json", f"{SESSION_PATH}/session.json"),
        (files / "passwd", "/etc/passwd"),
        (files / "group", "/etc/group"),
        *((paths.bundle / part, target) for part, target in paths.bundle_mounts.items()),
    ]
    return tuple(
        Mount(type=MountType.BIND, source=str(source), target=target, read_only=True)
        for source, target in pairs
    )


def _needed_tmp(plan: LaunchPlan) -> dict[str, str]:
    """The X server's socket is in /tmp: a read-only image without one would never show anything.

    Where others have the same /tmp, whoever made the sockets' directory could put their own
    server in the place of somebody's.
    """
    if any(mount.target == "/tmp" for mount in plan.spec.mounts):  # noqa: S108 in the container
        # The mode is that of the directory below it, once there is one: 0755, and root's.
        user = plan.identity
        return {_X_SOCKETS: f"mode=1777,uid={user.uid},gid={user.gid},size=64k"}
    return {"/tmp": "mode=1777"} if plan.spec.isolation.read_only else {}  # noqa: S108


def _runtime_options(plan: LaunchPlan) -> str:
    user = plan.identity
    return f"rw,nosuid,nodev,mode=0700,uid={user.uid},gid={user.gid},size={_RUNTIME_TMPFS_BYTES}"


def _labels(session: Session, owner: str, spec: ContainerSpec) -> dict[str, str]:
    """The hash tells a container of this very specification from one of another."""
    return {
        labels.OWNER: owner,
        labels.SESSION: session.id,
        labels.USER: session.user,
        labels.TEMPLATE: session.template,
        labels.GENERATION: str(session.generation),
        labels.SPEC_HASH: spec_hash(container_body(spec)),
    }
