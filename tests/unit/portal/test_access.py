"""Who may do what, as a table over everything that can be asked."""

from __future__ import annotations

from itertools import product

import pytest

from portal.access import Access, Act, Mode, Person, Role, access_of, require
from portal.errors import ForbiddenError, NotFoundError

ALICE = Person("alice")
BOB = Person("bob")
DORA = Person("dora", is_administrator=True)

OWNER = Access(Role.OWNER, Mode.CONTROL)
LOOKER = Access(Role.ADMINISTRATOR, Mode.VIEW)
HELPER = Access(Role.ADMINISTRATOR, Mode.CONTROL)
GUEST = Access(Role.GUEST, Mode.VIEW)
PARTNER = Access(Role.GUEST, Mode.CONTROL)

ALLOWED = {
    OWNER: set(Act),
    HELPER: set(Act) - {Act.SHARE},
    LOOKER: set(Act) - {Act.SHARE, Act.CONTROL},
    PARTNER: {Act.SEE, Act.VIEW, Act.CONTROL},
    GUEST: {Act.SEE, Act.VIEW},
}


@pytest.mark.parametrize(
    ("person", "share", "administrators", "access"),
    [
        (ALICE, None, Mode.VIEW, OWNER),
        (ALICE, Mode.VIEW, Mode.VIEW, OWNER),
        (BOB, None, Mode.CONTROL, None),
        (BOB, Mode.VIEW, Mode.CONTROL, GUEST),
        (BOB, Mode.CONTROL, Mode.VIEW, PARTNER),
        (DORA, None, Mode.VIEW, LOOKER),
        (DORA, None, Mode.CONTROL, HELPER),
        (DORA, Mode.CONTROL, Mode.VIEW, HELPER),
        (DORA, Mode.VIEW, Mode.CONTROL, HELPER),
    ],
)
def test_what_somebody_is_to_a_session(
    person: Person, share: Mode | None, administrators: Mode, access: Access | None
) -> None:
    """Owner before administrator before guest; the mode is the best of what they are."""
    assert access_of(person, "alice", share, administrators) == access


@pytest.mark.parametrize(("access", "act"), list(product(ALLOWED, Act)))
def test_what_each_may(access: Access, act: Act) -> None:
    """Everything that is not in the table is refused, and the refusal says why."""
    if act in ALLOWED[access]:
        assert require(access, act) is access
        return
    with pytest.raises(ForbiddenError) as refusal:
        require(access, act)
    assert refusal.value.code == (
        "view_only" if act is Act.CONTROL and access.mode is Mode.VIEW else "owner_only"
    )


@pytest.mark.parametrize("act", Act)
def test_what_one_may_not_see_is_not_there(act: Act) -> None:
    """Whatever is asked of it: 404, and not 403, which would tell that there is something."""
    with pytest.raises(NotFoundError):
        require(None, act)
