"""What the daemon keeps on its host: session files, its id, its lock, the bundle's manifest."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.errors import AlreadyRunningError, ConfigError
from supervisor.host.bundle import bundle_mounts
from supervisor.host.instance import instance_id, sole_use
from supervisor.host.session_files import KeptFiles, SessionDirectory, SessionFiles
from supervisor.lifecycle.session import SessionId

ID = SessionId("01hf000000000000000000000a")
FILES = SessionFiles(passwd="p\n", group="g\n", session="{}")


def mode(path: Path) -> int:
    """Permissions."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def directory(tmp_path: Path) -> SessionDirectory:
    """A directory for sessions, whatever the umask."""
    before = os.umask(0o077)
    directory = SessionDirectory(tmp_path)
    directory.create_root()
    os.umask(before)
    return directory


def test_the_root_is_closed(tmp_path: Path, directory: SessionDirectory) -> None:
    """Other users of the host do not get in, even where an earlier version left it open."""
    (tmp_path / "sessions").chmod(0o755)
    directory.create_root()
    assert mode(tmp_path / "sessions") == 0o700


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_files_can_be_read_inside(directory: SessionDirectory, umask: int) -> None:
    """The container's user is another: below the root, everything can be read, nothing written."""
    before = os.umask(umask)
    try:
        path = directory.write(ID, FILES)
    finally:
        os.umask(before)
    assert path == directory.path(ID)
    assert mode(path) == 0o755
    assert {file.name: mode(file) for file in path.iterdir()} == {
        "passwd": 0o644,
        "group": 0o644,
        "session.json": 0o644,
    }
    assert (path / "passwd").read_text() == "p\n"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_record_is_the_daemons_alone(directory: SessionDirectory, umask: int) -> None:
    """Nobody else can read it, it is written as a whole, and it is found again."""
    before = os.umask(umask)
    try:
        for text in ("first", "second"):
            files = SessionFiles(passwd="", group="", session="{}", record=text)
            directory.write(ID, files)
            assert directory.read(ID) == KeptFiles("{}", text)
    finally:
        os.umask(before)
    path = directory.path(ID)
    assert mode(path / "record.json") == 0o600
    assert {file.name for file in path.iterdir()} == {
        "passwd",
        "group",
        "session.json",
        "record.json",
    }


def test_what_is_left_is_read(directory: SessionDirectory) -> None:
    """Files that are missing or in the way of one are as good as empty; no directory is none."""
    assert directory.read(ID) is None
    directory.path(ID).mkdir()
    assert directory.read(ID) == KeptFiles()
    (directory.path(ID) / "record.json").mkdir()
    (directory.path(ID) / "session.json").write_bytes(b"\xff")
    assert directory.read(ID) == KeptFiles("\udcff", "")


def test_writing_again_keeps_the_files(directory: SessionDirectory) -> None:
    """A bind mount follows the file, so that it is written in place."""
    path = directory.write(ID, FILES)
    before = (path / "session.json").stat().st_ino
    directory.write(ID, SessionFiles(passwd="", group="", session="new"))
    assert (path / "session.json").stat().st_ino == before
    assert (path / "session.json").read_text() == "new"


def test_links_are_not_followed(directory: SessionDirectory, tmp_path: Path) -> None:
    """What somebody put in the place of a file is not written through."""
    target = tmp_path / "target"
    target.write_text("before")
    directory.path(ID).mkdir()
    (directory.path(ID) / "passwd").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        directory.write(ID, FILES)
    assert target.read_text() == "before"


def test_text_in_any_encoding(directory: SessionDirectory) -> None:
    """An image's accounts go back as the bytes that they were."""
    passwd = b"\xe9\n".decode("utf-8", "surrogateescape")
    path = directory.write(ID, SessionFiles(passwd=passwd, group="", session=""))
    assert (path / "passwd").read_bytes() == b"\xe9\n"


def test_files_are_removed(directory: SessionDirectory) -> None:
    """All of them, and once more is fine."""
    directory.write(ID, FILES)
    assert list(directory.session_ids()) == [ID]
    for _ in range(2):
        directory.remove(ID)
        assert list(directory.session_ids()) == []


def test_the_id_stays(tmp_path: Path) -> None:
    """Made once, private, the same ever after, and different elsewhere."""
    local = tmp_path / "var" / "local"
    run, other = tmp_path / "run", tmp_path / "other"
    run.mkdir()
    other.mkdir()
    first = instance_id(local, run)
    assert len(first) == 16
    assert instance_id(local, run) == first != instance_id(other, other)
    assert mode(local / "instance-id") == 0o600
    assert [file.name for file in local.iterdir()] == ["instance-id"]


@pytest.mark.parametrize("lost", ["file", "text", "directory"])
def test_the_id_outlives_its_directory(tmp_path: Path, lost: str) -> None:
    """Beside the files of sessions there is a copy: what runs does not become a stranger's."""
    local, run = tmp_path / "local", tmp_path / "run"
    run.mkdir()
    first = instance_id(local, run)
    assert mode(run / "instance-id") == 0o600
    if lost == "text":
        (local / "instance-id").write_text("")
    else:
        (local / "instance-id").unlink()
    if lost == "directory":
        local.rmdir()
    assert instance_id(local, run) == first
    (run / "instance-id").write_text("another\n")
    assert instance_id(local, run) == first
    assert (run / "instance-id").read_text() == f"{first}\n"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_id_that_was_lost_is_not_invented(tmp_path: Path, text: str) -> None:
    """Without its id the daemon would own everything, or nothing: it does not start."""
    (tmp_path / "instance-id").write_text(text)
    with pytest.raises(ConfigError, match="instance-id"):
        instance_id(tmp_path, tmp_path / "run")


def test_an_id_that_cannot_be_read(tmp_path: Path) -> None:
    """What is in the way is said, with the remedy."""
    (tmp_path / "instance-id").mkdir()
    with pytest.raises(ConfigError, match="FX_LOCAL_DIR"):
        instance_id(tmp_path, tmp_path / "run")


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    """Likewise for its directory."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="FX_LOCAL_DIR"):
        instance_id(tmp_path / "file", tmp_path)


HOLD = """
import sys
from pathlib import Path
from supervisor.host.instance import sole_use
with sole_use(Path(sys.argv[1]), "--x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    """Who holds the directory is named; when it ends, however it ends, the directory is free."""
    with subprocess.Popen(  # noqa: S603 ourselves
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(AlreadyRunningError, match=rf"pid {holder.pid}\b.*--runtime-dir"),
            sole_use(tmp_path, "--runtime-dir"),
        ):
            pass
        holder.kill()
        holder.wait()
    with sole_use(tmp_path, "--runtime-dir"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_is_free_afterwards(tmp_path: Path) -> None:
    """The same process may hold it again."""
    for _ in range(2):
        with sole_use(tmp_path / "run", "--runtime-dir"):
            pass


def test_a_directory_that_cannot_be_held(tmp_path: Path) -> None:
    """What cannot be made is an error of the configuration, which names the option."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="--runtime-dir"),
        sole_use(tmp_path / "file" / "run", "--runtime-dir"),
    ):
        pass


def test_the_bundle_says_where_its_parts_belong(tmp_path: Path) -> None:
    """Mounts come from the manifest; one without any is fine."""
    manifest = tmp_path / "bundle.json"
    manifest.write_text('{"mounts": [{"source": "xkb", "target": "/usr/share/X11/xkb"}]}')
    assert bundle_mounts(tmp_path) == {"xkb": "/usr/share/X11/xkb"}
    manifest.write_text("{}")
    assert bundle_mounts(tmp_path) == {}


@pytest.mark.parametrize(
    "text", [None, "{", '{"mounts": [{"source": "x"}]}', '{"mounts": 1}', "[]", '{"mounts": [1]}']
)
def test_an_unusable_bundle(tmp_path: Path, text: str | None) -> None:
    """Whatever is wrong with it, the administrator is told how to make one."""
    if text is not None:
        (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(ConfigError, match="agent/build-bundle"):
        bundle_mounts(tmp_path)
