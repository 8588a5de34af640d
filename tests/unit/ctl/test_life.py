"""Whose word the doctor takes for the daemon's: root reads it, and does what is advised by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.ctl.doctor.gather_files import file_system
from supervisor.ctl.doctor.life import find_life

PID = 4711
OTHER = os.geteuid() + 1


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run-time directory whose daemon was, or is, of that number."""
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "lock").write_text(f"{PID}\n")
    return directory


def a_process(proc: Path, uids: tuple[int, int, int, int]) -> None:
    """As proc(5) tells of it; real, effective, saved and file system uid."""
    process = proc / str(PID)
    process.mkdir(parents=True)
    (process / "cmdline").write_bytes(b"python\0/usr/bin/fx-supervisor\0run\0")
    uid_line = "\t".join(map(str, uids))
    (process / "status").write_text(f"Name:\tx\nUid:\t{uid_line}\nGid:\t5\t5\t5\t5\nGroups:\t7 \n")
    (process / "limits").write_text("Max open files            1024     4096     files\n")
    (process / "environ").write_bytes(b"FX_CONFIG_DIR=/home/alice\0")


def test_the_daemons_process_is_found(run: Path, tmp_path: Path) -> None:
    """By the number in its lock, which is its own."""
    me = os.geteuid()
    a_process(tmp_path / "proc", (me, me, me, me))
    life = find_life(run, tmp_path / "proc")
    assert life is not None
    assert (life.uid, life.open_files) == (me, 1024)
    assert life.gids == {5, 7}
    assert life.environment == {"FX_CONFIG_DIR": "/home/alice"}


@pytest.mark.parametrize(
    "uids",
    [
        pytest.param((OTHER, OTHER, OTHER, OTHER), id="a-users"),
        pytest.param((OTHER, os.geteuid(), os.geteuid(), os.geteuid()), id="set-uid"),
    ],
)
def test_a_users_process_that_has_its_number_now_is_not_believed(
    run: Path, tmp_path: Path, uids: tuple[int, int, int, int]
) -> None:
    """Its environment would say which configuration and which engine root is to ask."""
    a_process(tmp_path / "proc", uids)
    assert find_life(run, tmp_path / "proc") is None


def test_a_users_mount_at_a_name_that_is_no_text_spoils_nobodys_answer(tmp_path: Path) -> None:
    """Neither do names that some take for the end of a line."""
    mounts = tmp_path / "mounts"
    mounts.write_bytes(
        b"/dev/sda1 / ext4 rw 0 0\n"
        b"sshfs /home/alice/\xff\xc2\x85x fuse.sshfs rw 0 0\n"
        b"server:/home /home nfs4 rw 0 0\n"
    )
    assert file_system(Path("/home/bob"), mounts) == "nfs4"
