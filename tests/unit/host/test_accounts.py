"""The passwd and group files of a container."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from supervisor.host.accounts import merge_group, merge_passwd
from supervisor.host.identity import Group, Identity

ALICE = Identity(
    "alice", 1000, 1000, "/home/alice", "/bin/zsh", "Alice", (Group("alice", 1000), Group("x", 44))
)
PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww:x:33:33:www:/var/www:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nvideo:x:44:someone\nusers:x:100:\n"


def test_the_users_line_comes_first() -> None:
    """The image's own accounts stay, below the user's."""
    assert merge_passwd(PASSWD, ALICE) == (
        f"alice:x:1000:1000:Alice:/home/alice:/bin/zsh\n{PASSWD}"
    )


def test_the_user_wins() -> None:
    """Entries of the image with the user's name or number would contradict the host's."""
    image = f"alice:x:5:5::/:/bin/sh\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n{PASSWD}"
    assert merge_passwd(image, ALICE) == merge_passwd(PASSWD, ALICE)


def test_groups_have_the_hosts_names() -> None:
    """The user's groups with the host's numbers; who is a member by account is not named again."""
    assert merge_group(GROUP, ALICE).splitlines() == [
        "alice:x:1000:",
        "x:x:44:alice",
        "root:x:0:",
        "users:x:100:",
    ]


def test_names_that_hold_others_are_not_them() -> None:
    """Only a whole field counts as a name or a number."""
    image = "alice2:x:10001:10001::/:/bin/sh\nnot:x:1:1000:alice:/:/bin/sh\n"
    assert merge_passwd(image, ALICE).endswith(image)


def test_an_image_without_files() -> None:
    """Nothing but the user is in the files of an image that has none."""
    assert merge_passwd("", ALICE).count("\n") == 1
    assert merge_group("", ALICE).count("\n") == 2


TEXT = st.text(max_size=12)
FIELD = st.text(st.characters(exclude_characters=":\n", exclude_categories=["Cs"]), max_size=8)
NUMBER = st.integers(1000, 60000)
USERS = st.builds(
    Identity,
    name=st.text("abc:\n", min_size=1),
    uid=NUMBER,
    gid=NUMBER,
    home=TEXT,
    shell=TEXT,
    gecos=TEXT,
    groups=st.lists(st.builds(Group, TEXT, NUMBER), max_size=4).map(tuple),
)


@given(user=USERS, others=st.lists(st.tuples(FIELD, NUMBER, FIELD), max_size=4))
def test_nothing_can_be_smuggled_into_passwd(
    user: Identity, others: list[tuple[str, int, str]]
) -> None:
    """Whatever a user's fields hold: one line of seven fields, and the user's uid only once."""
    image = "".join(f"{name}:x:{uid}:5:{gecos}:/h:/s\n" for name, uid, gecos in others)
    first, *rest = merge_passwd(image, user).removesuffix("\n").split("\n")
    assert first.split(":")[1:4] == ["x", str(user.uid), str(user.gid)]
    assert all(line.count(":") == 6 for line in (first, *rest))
    assert str(user.uid) not in [line.split(":")[2] for line in rest]
    kept = [line for line in image.split("\n") if line in rest and line]
    assert rest == kept


@given(user=USERS, others=st.lists(st.tuples(FIELD, NUMBER, FIELD), max_size=4))
def test_nothing_can_be_smuggled_into_group(
    user: Identity, others: list[tuple[str, int, str]]
) -> None:
    """Whatever a group is called: one line of four fields each, and no number of the user's twice.

    A name may not grant membership in another group either.
    """
    image = "".join(f"{name}:x:{gid}:{members}\n" for name, gid, members in others)
    lines = merge_group(image, user).removesuffix("\n").split("\n")
    own = len(user.groups)
    assert all(line.count(":") == 3 for line in lines if line)
    assert [line.split(":")[2] for line in lines[:own]] == [str(each.gid) for each in user.groups]
    wanted = {str(group.gid) for group in user.groups}
    assert not wanted & {line.split(":")[2] for line in lines[own:] if line}


def test_a_gecos_with_a_line_break() -> None:
    """The known trick: a second line with uid 0."""
    evil = replace(ALICE, gecos="x\nroot2:x:0:0::/:/bin/sh", home="/home:0:0")
    assert merge_passwd("", evil) == (
        "alice:x:1000:1000:x root2_x_0_0__/_/bin/sh:/home_0_0:/bin/zsh\n"
    )
