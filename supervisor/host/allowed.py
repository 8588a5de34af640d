"""Names of users and groups in the configuration, as the numbers a socket's peer is known by."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterable

from supervisor.errors import ConfigError


def uids(names: Iterable[str], key: str) -> frozenset[int]:
    """Users' numbers; ``key`` is where the names stand. Raises ConfigError for an unknown one."""
    try:
        return frozenset(pwd.getpwnam(name).pw_uid for name in names)
    except KeyError as error:
        raise _unknown(key, error) from None


def gids(names: Iterable[str], key: str) -> frozenset[int]:
    """Groups' numbers; ``key`` is where the names stand. Raises ConfigError for an unknown one."""
    try:
        return frozenset(grp.getgrnam(name).gr_gid for name in names)
    except KeyError as error:
        raise _unknown(key, error) from None


def _unknown(key: str, error: KeyError) -> ConfigError:
    return ConfigError(f"{key}: not on this host: {error.args[0]}")
