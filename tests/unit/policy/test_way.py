"""The way to a mount's source: who could lead it elsewhere after it was judged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.policy import way
from supervisor.policy.mounts import judge_source
from supervisor.policy.rules import Grant, Policy
from supervisor.policy.way import judge_way

HOME = Path("/home/alice")
ALICE = 54321


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a path another user's, as chown does for root."""
    look = way._is_trusted
    kept: dict[tuple[int, int], bool] = {}

    def is_trusted(status: os.stat_result) -> bool:
        return kept.get((status.st_dev, status.st_ino), look(status))

    def take(path: Path) -> None:
        status = path.lstat()
        if os.geteuid() == 0:
            os.lchown(path, ALICE, ALICE)
        else:
            kept[status.st_dev, status.st_ino] = False

    monkeypatch.setattr(way, "_is_trusted", is_trusted)
    return take


def policy(top: Path) -> Policy:
    """One that allows what is below a directory."""
    return Policy(mount_sources=(top,))


def wrong(source: Path, top: Path) -> str:
    """What is said of it."""
    return "; ".join(judge_source(str(source), policy(top), HOME))


def test_a_directory_of_a_users_leads_anywhere(
    tmp_path: Path, give: Callable[[Path], None]
) -> None:
    """Not before it is a link alone: it could become one between judging and mounting."""
    source = tmp_path / "alice" / "data"
    source.mkdir(parents=True)
    assert wrong(source, tmp_path) == ""
    give(tmp_path / "alice")
    assert f"leads through {tmp_path / 'alice'}, where users can put a link" in wrong(
        source, tmp_path
    )
    assert wrong(tmp_path / "alice", tmp_path) == "", "what lies in a directory of root's"
    assert wrong(tmp_path / "alice" / "not-there-yet", tmp_path)


def test_what_several_can_write_to(tmp_path: Path, give: Callable[[Path], None]) -> None:
    """Everybody, a group; in a sticky directory each has what is theirs."""
    shared, own = tmp_path / "shared", tmp_path / "shared" / "own"
    own.mkdir(parents=True)
    (own / "below").mkdir()
    shared.chmod(0o777)
    assert wrong(own, tmp_path)
    shared.chmod(0o1777)
    assert wrong(own, tmp_path) == ""
    assert wrong(shared / "not-there-yet", tmp_path), "whoever makes it chooses what it is"
    give(own)
    assert wrong(own, tmp_path)
    os.chown(shared, -1, os.getgid() or ALICE)
    for mode, is_wrong in ((0o775, True), (0o755, False)):
        shared.chmod(mode)
        assert bool(wrong(own, tmp_path)) is is_wrong, oct(mode)
        assert wrong(own / "below", tmp_path), "its owner is a user"


def test_links_of_an_administrator_are_followed(
    tmp_path: Path, give: Callable[[Path], None]
) -> None:
    """Step by step: what they lead through counts, absolute or not."""
    (tmp_path / "alice" / "data").mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (tmp_path / "to-disk").symlink_to("disk")
    (tmp_path / "by-alice").symlink_to(tmp_path / "alice")
    (tmp_path / "up").symlink_to("disk/../alice/../disk")
    (tmp_path / "round").symlink_to("round")
    for fine in ("to-disk", "to-disk/x", "up"):
        assert list(judge_way(tmp_path / fine)) == []
    give(tmp_path / "alice")
    assert list(judge_way(tmp_path / "by-alice")) == []
    assert "leads through" in "".join(judge_way(tmp_path / "by-alice" / "data"))
    assert list(judge_way(tmp_path / "up")) == [], "in and out again is nowhere"
    assert "more than 40 links" in "".join(judge_way(tmp_path / "round"))


def test_what_the_daemon_cannot_see_is_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be a link to anything: realpath(3) takes what it cannot look at for none."""
    closed = tmp_path / "closed"
    closed.mkdir()
    look = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        if path.parent == closed:
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    said = wrong(closed / "data", tmp_path)
    assert f"{closed} cannot be looked into (Permission denied)" in said
    closed.chmod(0o700)
    assert wrong(closed / "data", tmp_path) == "", "only root comes in, and made what is there"
    os.chown(closed, -1, os.getgid() or ALICE)
    closed.chmod(0o710)
    assert wrong(closed / "data", tmp_path), "a group comes in as well"


def test_who_can_say_otherwise(tmp_path: Path, give: Callable[[Path], None]) -> None:
    """The home is where the host says; a path may be named; and there is a word for all."""
    source = tmp_path / "alice" / "data"
    source.mkdir(parents=True)
    give(tmp_path / "alice")
    assert list(judge_source(str(source), policy(tmp_path), source)) == []
    named = Policy(mount_sources=(source,))
    assert list(judge_source(str(source), named, HOME)) == []
    granted = Policy(mount_sources=(tmp_path,), allow=frozenset({Grant.USER_SOURCES}))
    assert list(judge_source(str(source), granted, HOME)) == []
    (tmp_path / "alice" / "etc").symlink_to("/etc")
    assert list(judge_source(str(tmp_path / "alice" / "etc"), granted, HOME))
