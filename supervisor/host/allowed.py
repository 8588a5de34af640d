"""Names of users and groups in the configuration, as the numbers a socket's peer is known by."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable

from supervisor.errors import ConfigError


def uids(names: Iterable[str], key: str) -> frozenset[int]:
    """Users' numbers; ``key`` is where the names stand. Raises ConfigError for an unknown one."""
    return _numbers(names, lambda name: pwd.getpwnam(name).pw_uid, f"{key}: user")


def gids(names: Iterable[str], key: str) -> frozenset[int]:
    """Groups' numbers; ``key`` is where the names stand. Raises ConfigError for an unknown one."""
    return _numbers(names, lambda name: grp.getgrnam(name).gr_gid, f"{key}: group")


def _numbers(names: Iterable[str], find: Callable[[str], int], what: str) -> frozenset[int]:
    found: set[int] = set()
    unknown: list[str] = []
    for name in names:
        try:
            found.add(find(name))
        except KeyError:
            unknown.append(f"{what} {name!r} is not known on this host (getent)")
    if unknown:
        raise ConfigError("\n".join(unknown))
    return frozenset(found)
