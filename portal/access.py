"""Who may do what with a session: the one place that says so. Pure.

owner           everything
administrator   everything but sharing; of the display what ``administrators.display`` says
guest           by a share for them: see it, and its display in the share's mode
others          nothing; to them it is not there
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.errors import ForbiddenError, NotFoundError


class Role(StrEnum):
    """What somebody is to a session."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    GUEST = "guest"


class Mode(StrEnum):
    """What a viewer may do on a display."""

    CONTROL = "control"
    VIEW = "view"


class Act(StrEnum):
    """What can be asked of a session."""

    SEE = "see"
    VIEW = "view"
    CONTROL = "control"
    CHANGE = "change"
    """Rename, set params, suspend, resume, terminate, disconnect, purge."""
    READ_LOG = "read_log"
    LIST_SHARES = "list_shares"
    """And end them."""
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    user: str
    is_administrator: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody is to a session, and may do on its display."""

    role: Role
    mode: Mode


_RANKS = {None: 0, Mode.VIEW: 1, Mode.CONTROL: 2}

_ACTS = {
    Role.OWNER: frozenset(Act),
    Role.ADMINISTRATOR: frozenset(Act) - {Act.SHARE},
    Role.GUEST: frozenset({Act.SEE, Act.VIEW, Act.CONTROL}),
}


def access_of(
    person: Person, owner: str, share: Mode | None, administrators_mode: Mode = Mode.VIEW
) -> Access | None:
    """What ``person`` is to a session of ``owner``.

    ``share`` is the best mode of the shares that hold and name the person; ``None``: there is none.
    """
    if person.user == owner:
        return Access(Role.OWNER, Mode.CONTROL)
    if person.is_administrator:
        return Access(Role.ADMINISTRATOR, max(administrators_mode, share or Mode.VIEW, key=_rank))
    return None if share is None else Access(Role.GUEST, share)


def _rank(mode: Mode) -> int:
    return _RANKS[mode]


def best(modes: tuple[Mode, ...]) -> Mode | None:
    """The mode that allows most."""
    return max(modes, key=_rank, default=None)


def require(access: Access | None, act: Act) -> Access:
    """The access, if it allows the act. Raises NotFoundError, or ForbiddenError to who sees it."""
    if access is None:
        raise NotFoundError
    if act is Act.CONTROL and access.mode is Mode.VIEW:
        raise ForbiddenError("view_only", "This session is shown to you, for you to view only.")
    if act not in _ACTS[access.role]:
        raise ForbiddenError("owner_only", "Only the session's owner can do this.")
    return access
