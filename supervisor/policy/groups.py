"""Groups of the host by their numbers: a template may name either."""

from __future__ import annotations

import grp
from collections.abc import Iterable
from contextlib import suppress


def forbidden_gids(names: Iterable[str]) -> frozenset[int]:
    """Numbers of those that are on this host; 0 in any case."""
    found = {0}
    for name in names:
        with suppress(KeyError):
            found.add(grp.getgrnam(name).gr_gid)
    return frozenset(found)
