"""Who may have sessions, and with which groups."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import threading

import pytest

from supervisor.errors import UserNotAllowedError
from supervisor.host import identity
from supervisor.host.identity import Group, IdentityPolicy, look_up
from supervisor.lifecycle.errors import UnavailableError

GROUPS = {0: "root", 100: "users", 1000: "alice", 998: "docker", 27: "sudo", 44: "video"}


class Accounts:
    """The host's user database, as a test wants it."""

    def __init__(self) -> None:
        self.uid = 1000
        self.gid = 1000
        self.gecos = "Alice"
        self.shell = "/bin/zsh"
        self.gids = [1000]

    def getpwnam(self, name: str) -> pwd.struct_passwd:
        """See pwd."""
        if name != "alice":
            raise KeyError(name)
        fields = (name, "x", self.uid, self.gid, self.gecos, "/home/alice", self.shell)
        return pwd.struct_passwd(fields)

    def getgrgid(self, gid: int) -> grp.struct_group:
        """See grp."""
        return grp.struct_group((GROUPS[gid], "x", gid, []))

    def getgrouplist(self, _name: str, _gid: int) -> list[int]:
        """See os."""
        return self.gids


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """Alice, an ordinary user."""
    accounts = Accounts()
    monkeypatch.setattr(pwd, "getpwnam", accounts.getpwnam)
    monkeypatch.setattr(grp, "getgrgid", accounts.getgrgid)
    monkeypatch.setattr(os, "getgrouplist", accounts.getgrouplist)
    return accounts


async def refusal(name: str = "alice", policy: IdentityPolicy | None = None) -> str:
    """Why this user is refused; the request's field is named."""
    with pytest.raises(UserNotAllowedError) as error:
        await look_up(name, policy or IdentityPolicy())
    assert [fault.loc for fault in error.value.errors] == [("user",)]
    return str(error.value)


async def test_an_ordinary_user(accounts: Accounts) -> None:
    """Everything about a user comes from the host."""
    accounts.gids = [1000, 44, 100, 44]
    found = await look_up("alice", IdentityPolicy())
    assert (found.name, found.uid, found.gid) == ("alice", 1000, 1000)
    assert (found.home, found.shell, found.gecos) == ("/home/alice", "/bin/zsh", "Alice")
    assert found.groups == (Group("video", 44), Group("users", 100), Group("alice", 1000))
    assert found.gids == (44, 100)


async def test_privileged_groups_stay_outside(accounts: Accounts) -> None:
    """Docker, sudo and root do not enter a container, whatever else the user is in."""
    accounts.gids = [0, 27, 44, 998, 1000]
    found = await look_up("alice", IdentityPolicy())
    assert found.gids == (44,)
    assert "docker" not in {group.name for group in found.groups}


async def test_the_root_group_is_never_taken(accounts: Accounts) -> None:
    """No configuration lets gid 0 into a container."""
    accounts.gids = [0, 1000]
    policy = IdentityPolicy(forbidden_groups=frozenset())
    assert (await look_up("alice", policy)).groups == (Group("alice", 1000),)


@pytest.mark.parametrize(("gid", "word"), [(0, "root"), (998, "docker"), (27, "sudo")])
async def test_a_privileged_primary_group(accounts: Accounts, gid: int, word: str) -> None:
    """It cannot be left out, so that the user is refused."""
    accounts.gid = gid
    assert word in await refusal()


@pytest.mark.parametrize("uid", [0, 1, 999])
async def test_system_users(accounts: Accounts, uid: int) -> None:
    """Below the limit nobody has sessions."""
    accounts.uid = uid
    assert "identity.min_uid" in await refusal()


async def test_root_is_refused_whatever_the_limit(accounts: Accounts) -> None:
    """No configuration lets root in."""
    accounts.uid = 0
    await refusal(policy=IdentityPolicy(min_uid=0))


async def test_nobody_is_no_user(accounts: Accounts) -> None:
    """Its uid is above any limit, and what other users own may seem to be its own."""
    accounts.uid = 65534
    assert "no person's account" in await refusal()


async def test_the_limit_is_the_administrators(accounts: Accounts) -> None:
    """Some hosts number their users from 500."""
    accounts.uid = 500
    assert (await look_up("alice", IdentityPolicy(min_uid=500))).uid == 500


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("name", ["bob", ""])
async def test_unknown_users(name: str) -> None:
    """A name that the host does not know."""
    assert repr(name) in await refusal(name)


@pytest.mark.parametrize("name", ["a\0b", "\udce9", "x" * 100_000, "root\n", "../alice"])
async def test_names_that_are_none(name: str) -> None:
    """Whatever the web server passes on, the host's own look-up refuses it."""
    await refusal(name)


async def test_a_group_without_a_name(accounts: Accounts) -> None:
    """Common with directory services: the number serves as a name."""
    accounts.gids = [1000, 70000]
    found = await look_up("alice", IdentityPolicy())
    assert found.groups == (Group("alice", 1000), Group("gid70000", 70000))


async def test_no_shell_is_the_default(accounts: Accounts) -> None:
    """An empty shell means /bin/sh: passwd(5)."""
    accounts.shell = ""
    assert (await look_up("alice", IdentityPolicy())).shell == "/bin/sh"


async def test_a_full_name_in_another_encoding(accounts: Accounts) -> None:
    """What is not UTF-8 in it is replaced, for the plan that holds it is stored as text."""
    accounts.gecos = b"Andr\xe9".decode("utf-8", "surrogateescape")
    assert (await look_up("alice", IdentityPolicy())).gecos == "Andr\ufffd"


async def test_a_name_service_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is told to try again; the loop was never blocked."""
    released = threading.Event()
    monkeypatch.setattr(identity, "LOOKUP_SECONDS", 0.01)
    monkeypatch.setattr(identity, "_look_up", lambda *_: released.wait(30))
    try:
        async with asyncio.timeout(5):
            with pytest.raises(UnavailableError, match="did not answer"):
                await look_up("alice", IdentityPolicy())
    finally:
        released.set()
