"""Who a user is, according to this host's name service switch (files, LDAP, SSSD, ...).

The web server says *which* user; everything else about them comes from here. NSS can block on the
network, so that look-ups run on threads and have a deadline.
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from supervisor.errors import UserNotAllowedError
from supervisor.lifecycle.errors import FieldError, UnavailableError

LOOKUP_SECONDS = 10.0

NOBODY_UID = 65534
"""Whose a file seems to be when its owner cannot be told (NFS, user namespaces): everybody's."""

_THREADS = ThreadPoolExecutor(4, thread_name_prefix="nss")
"""Of their own: while a directory server hangs, only look-ups wait for it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the host."""

    name: str
    gid: int


@dataclass(frozen=True, slots=True)
class Identity:
    """An ordinary user of this host, with the groups that may enter a container."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    gecos: str
    groups: tuple[Group, ...]
    """Supplementary groups and the primary one, privileged groups left out."""

    @property
    def gids(self) -> tuple[int, ...]:
        """Supplementary group ids, without the primary one (``group_add`` of the container)."""
        return tuple(group.gid for group in self.groups if group.gid != self.gid)


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """Which users may have sessions (``identity:`` in supervisor.yaml)."""

    min_uid: int = 1000
    forbidden_groups: frozenset[str] = frozenset(
        {"root", "docker", "sudo", "wheel", "adm", "disk", "shadow", "kmem", "lxd", "libvirt"}
    )


async def look_up(name: str, policy: IdentityPolicy) -> Identity:
    """The identity of user ``name``.

    Raises UserNotAllowedError for an unknown, privileged or system user, and UnavailableError when
    the name service does not answer within ``LOOKUP_SECONDS``.
    """
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_THREADS, _look_up, name, policy)
    except TimeoutError:
        message = f"The host's name service did not answer within {LOOKUP_SECONDS:g} s; try again."
        raise UnavailableError(message) from None


def _look_up(name: str, policy: IdentityPolicy) -> Identity:
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise _refusal(f"There is no user {name!r} on this host (getent passwd).") from None
    if entry.pw_uid < policy.min_uid or entry.pw_uid == 0:
        message = (
            f"User {name!r} has uid {entry.pw_uid}; sessions are for uids from {policy.min_uid} up "
            "(identity.min_uid)."
        )
        raise _refusal(message)
    if entry.pw_uid == NOBODY_UID:
        raise _refusal(f"User {name!r} is nobody (uid {NOBODY_UID}), and no person's account.")
    gids = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Identity(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=_allowed_primary(entry, policy),
        home=entry.pw_dir,
        shell=entry.pw_shell or "/bin/sh",
        gecos=_text(entry.pw_gecos),
        groups=_allowed(gids, policy.forbidden_groups),
    )


def _text(gecos: str) -> str:
    """A full name may be in any encoding; what is not UTF-8 in it is lost, not the session."""
    return gecos.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _allowed_primary(entry: pwd.struct_passwd, policy: IdentityPolicy) -> int:
    group = _group(entry.pw_gid)
    if entry.pw_gid == 0 or group.name in policy.forbidden_groups:
        message = (
            f"User {entry.pw_name!r} has the privileged primary group {group.name!r}; "
            "give them one of their own (identity.forbidden_groups)."
        )
        raise _refusal(message)
    return entry.pw_gid


def _allowed(gids: Collection[int], forbidden: Collection[str]) -> tuple[Group, ...]:
    groups = (_group(gid) for gid in sorted(set(gids)) if gid != 0)
    return tuple(group for group in groups if group.name not in forbidden)


def _group(gid: int) -> Group:
    """A gid without a name is common with directory services; it keeps its number as a name."""
    try:
        return Group(grp.getgrgid(gid).gr_name, gid)
    except KeyError:
        return Group(f"gid{gid}", gid)


def _refusal(message: str) -> UserNotAllowedError:
    return UserNotAllowedError(message, errors=(FieldError(("user",), message),))
