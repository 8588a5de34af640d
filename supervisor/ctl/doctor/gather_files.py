"""Looks at directories, disks and the bundle. Blocking: to be called on a thread."""

from __future__ import annotations

import json
import os
import platform
import pwd
import struct
from pathlib import Path

from supervisor.ctl.doctor.finding import UnknownFactError
from supervisor.ctl.doctor.judge_files import BundleFacts, Disk, Entry, Home, Owned
from supervisor.ctl.doctor.scene import Scene
from supervisor.errors import ConfigError
from supervisor.host.bundle import bundle_mounts
from supervisor.template.catalog import is_mask

DAEMON_USER = "fastx"
_MACHINES = {
    3: "i386",
    21: "ppc64el",
    22: "s390x",
    40: "armhf",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
}
"""``e_machine`` of elf(5), in Debian's words."""
_BY_KERNEL = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el"}
_NEEDED = ("bin/Xtigervnc", "bin/xkbcomp", "share/X11/xkb")


def daemon_account(scene: Scene) -> tuple[str, int]:
    """Name and uid of the daemon's user. Raises UnknownFactError where there is none."""
    if scene.life is not None:
        return user_name(scene.life.uid), scene.life.uid
    try:
        return DAEMON_USER, pwd.getpwnam(DAEMON_USER).pw_uid
    except KeyError:
        message = f"there is no user {DAEMON_USER}, and no daemon runs"
        raise UnknownFactError(message) from None


def user_name(uid: int) -> str:
    """By number, where the host has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def debian_architecture(machine: str) -> str:
    """What uname(2) and the engine call it -> what Debian does."""
    return _BY_KERNEL.get(machine, machine)


def host_architecture() -> str:
    """Of this kernel."""
    return debian_architecture(platform.machine())


def owned(scene: Scene, directory: Path, private: tuple[str, ...]) -> Owned:
    """A directory of the daemon's; ``private`` are those in it that are nobody else's."""
    try:
        entries = [entry_of(directory)]
    except FileNotFoundError:
        message = f"{directory} is not there: the daemon has not run yet"
        raise UnknownFactError(message) from None
    for name in private:
        try:
            entries.append(entry_of(directory / name))
        except FileNotFoundError:
            continue
    name, uid = daemon_account(scene)
    return Owned(
        entries=tuple(entries),
        private=frozenset(directory / name for name in private),
        daemon_user=name,
        daemon_uid=uid,
    )


def entry_of(path: Path) -> Entry:
    """Raises OSError."""
    status = path.stat()
    return Entry(path=path, mode=status.st_mode, uid=status.st_uid, owner=user_name(status.st_uid))


def config_entries(scene: Scene) -> tuple[Entry, ...]:
    """What administrators write, and what holds it."""
    templates = scene.places.config / "launcher-templates"
    paths = [scene.places.config, scene.places.config_file, templates]
    if templates.is_dir():
        paths += sorted(path for path in templates.glob("*.tpl") if not is_mask(path))
    return tuple(entry_of(path) for path in paths if path.exists())


def disk_of(path: Path) -> Disk:
    """Room at a path; where it does not exist yet, at what will hold it. Raises OSError."""
    while not path.exists() and path != path.parent:
        path = path.parent
    status = os.statvfs(path)
    return Disk(
        path=path,
        free_bytes=status.f_bavail * status.f_frsize,
        total_bytes=status.f_blocks * status.f_frsize,
        free_inodes=status.f_favail if status.f_files else None,
    )


def bundle_of(path: Path) -> BundleFacts:
    """What is in it."""
    try:
        bundle_mounts(path)
        document = json.loads((path / "bundle.json").read_text(encoding="utf-8"))
    except (ConfigError, OSError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, ConfigError) else error
        return BundleFacts(path=path, error=str(cause))
    return BundleFacts(
        path=path,
        version=str(document.get("version", "")),
        architecture=str(document.get("architecture", "")),
        machine=_elf_machine(path / "bin" / "Xtigervnc"),
        missing=tuple(name for name in _contents(path) if not (path / name).exists()),
    )


def _contents(bundle: Path) -> list[str]:
    """What its own list says, or what there has to be in any case."""
    try:
        lines = (bundle / "checksums").read_text(encoding="utf-8").splitlines()
    except OSError:
        return list(_NEEDED)
    listed = [line.partition("  ")[2].removeprefix("./") for line in lines]
    return [*_NEEDED, *filter(None, listed)]


def _elf_machine(program: Path) -> str:
    try:
        with program.open("rb") as file:
            head = file.read(20)
    except OSError:
        return ""
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return ""
    (machine,) = struct.unpack(">H" if head[5] == 2 else "<H", head[18:20])
    return _MACHINES.get(machine, f"ELF machine {machine}")


def home_of(user: str) -> Home:
    """The home that the host's name service knows. Raises UnknownFactError, OSError."""
    try:
        account = pwd.getpwnam(user)
    except (KeyError, ValueError):
        message = "this host does not know the user (see user)"
        raise UnknownFactError(message) from None
    path = Path(account.pw_dir)
    try:
        status = path.stat()
    except FileNotFoundError:
        return Home(path=path, user=user, uid=account.pw_uid)
    return Home(
        path=path,
        user=user,
        uid=account.pw_uid,
        mode=status.st_mode,
        owner_uid=status.st_uid,
        file_system=file_system(path),
    )


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Type of the file system that holds it: ``ext4``, ``nfs4``."""
    best, found = -1, ""
    # Users can mount (FUSE) below their homes, at names in any encoding.
    for line in os.fsdecode(mounts.read_bytes()).split("\n")[:-1]:
        _, where, kind, *_ = line.split(" ")
        # Spaces are written as octal numbers there.
        mounted = Path(where.replace("\\040", " "))
        if path.is_relative_to(mounted) and len(mounted.parts) > best:
            best, found = len(mounted.parts), kind
    return found
