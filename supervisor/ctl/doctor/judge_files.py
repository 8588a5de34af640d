"""What owners, modes, disks and the bundle's files mean. Pure."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from supervisor.ctl.doctor.finding import Finding, bad, doubtful, good
from supervisor.ctl.text import size

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE
_FEW_INODES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or directory; ``owner`` is its user's name."""

    path: Path
    mode: int
    uid: int
    owner: str

    @property
    def bits(self) -> str:
        """As chmod takes them."""
        return f"{stat.S_IMODE(self.mode):04o}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What belongs, or should belong, to the daemon's user."""

    entries: tuple[Entry, ...]
    private: frozenset[Path]
    """Those that nobody else may look into."""
    daemon_user: str
    daemon_uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Room on the file system of a directory."""

    path: Path
    free_bytes: int
    total_bytes: int
    free_inodes: int | None
    """``None``: the file system does not count them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """What is in the bundle's directory."""

    path: Path
    error: str = ""
    """Why it cannot be used at all."""
    version: str = ""
    architecture: str = ""
    """By its own description, in Debian's words."""
    machine: str = ""
    """By its X server's ELF header; empty for what is no program."""
    missing: tuple[str, ...] = ()


def judge_owned(owned: Owned) -> Finding:
    """Whether the daemon can use its directory, and nobody else can meddle with it."""
    for entry in owned.entries:
        if entry.uid != owned.daemon_uid:
            return bad(
                f"{entry.path} belongs to {entry.owner}, not to {owned.daemon_user}.",
                f"chown {owned.daemon_user}: {entry.path}",
            )
        if entry.mode & stat.S_IWOTH:
            return bad(
                f"Everybody can write to {entry.path} (mode {entry.bits}): whoever does can put "
                "anything into anybody's container.",
                f"chmod o-w {entry.path}",
            )
        if entry.path in owned.private and entry.mode & 0o077:
            advice = "0700" if stat.S_ISDIR(entry.mode) else "0600"
            return bad(
                f"Others can look into {entry.path} (mode {entry.bits}).",
                f"chmod {advice} {entry.path}",
            )
    return good(f"{owned.entries[0].path} is {owned.daemon_user}'s alone to change.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A user's home directory; ``mode`` is ``None`` if there is none."""

    path: Path
    user: str
    uid: int
    mode: int | None = None
    owner_uid: int = -1
    file_system: str = ""


def judge_home(home: Home) -> Finding:
    """Whether it is there and the user's."""
    if home.mode is None:
        return bad(
            f"{home.user}'s home directory {home.path} does not exist: sessions that mount it "
            "cannot start.",
            f"mkhomedir_helper {home.user}; or is a file server not mounted (findmnt {home.path})?",
        )
    if not stat.S_ISDIR(home.mode):
        return bad(f"{home.user}'s home {home.path} is no directory.", "usermod -d sets another.")
    if home.owner_uid != home.uid:
        return bad(
            f"{home.path} belongs to uid {home.owner_uid}, and {home.user} is uid {home.uid}.",
            f"chown {home.user}: {home.path}, if it is theirs.",
        )
    if home.mode & 0o700 != 0o700:
        return bad(
            f"{home.user} cannot use their own home {home.path} (mode "
            f"{stat.S_IMODE(home.mode):04o}).",
            f"chmod u+rwx {home.path}",
        )
    kind = f" ({home.file_system})" if home.file_system else ""
    return good(f"{home.path} is {home.user}'s{kind}.")


def judge_home_mount(home: Home, refusal: str) -> Finding:
    """``refusal``: what the engine said when a container was to have it; empty for nothing."""
    if not refusal:
        return good(f"The engine can mount {home.path}.")
    advice = "Does the engine run on this host, and see the same file systems?"
    if home.file_system.startswith("nfs") or home.mode is None:
        advice = (
            "Export it with no_root_squash, or chmod o+x it: the engine runs as root, which "
            "root_squash makes nobody (docs/doctor.md#home-mount)."
        )
    return bad(f"The engine cannot mount {home.path}: {refusal}", advice)


def judge_config_files(entries: tuple[Entry, ...]) -> Finding:
    """Whether others than administrators can change what runs as the daemon's user."""
    open_to_all = [entry for entry in entries if entry.mode & stat.S_IWOTH]
    if open_to_all:
        names = " ".join(str(entry.path) for entry in open_to_all)
        return bad(
            f"Everybody can write to {names}: whoever does decides what sessions may do.",
            f"chmod o-w {names}",
        )
    return good("Only administrators can change configuration and templates.")


def judge_disk(disk: Disk, least_bytes: int, cure: str) -> Finding:
    """``least_bytes`` is what there has to be; with four times as much nothing is said."""
    told = f"{size(disk.free_bytes)} of {size(disk.total_bytes)} free"
    if disk.free_bytes < least_bytes:
        return bad(f"The disk of {disk.path} is full: {told}.", cure)
    if disk.free_inodes is not None and disk.free_inodes < _FEW_INODES:
        judged = doubtful if disk.free_inodes else bad
        return judged(
            f"The disk of {disk.path} has no room for files: {disk.free_inodes} inodes free "
            f"(df -i {disk.path}).",
            cure,
        )
    if disk.free_bytes < 4 * least_bytes:
        return doubtful(f"The disk of {disk.path} is nearly full: {told}.", cure)
    return good(f"{disk.path}: {told}.")


def judge_bundle(bundle: BundleFacts) -> Finding:
    """Whether it is there, and whole."""
    make = f"agent/build-bundle --refresh --prune {bundle.path}"
    if bundle.error:
        return bad(
            f"There is no usable X server bundle in {bundle.path}: {bundle.error}",
            f"agent/build-bundle {bundle.path}; or set agent.bundle to where it is.",
        )
    if bundle.missing:
        more = f" and {len(bundle.missing) - 1} more" if len(bundle.missing) > 1 else ""
        return bad(f"The bundle lacks {bundle.missing[0]}{more}.", make)
    return good(f"Bundle {bundle.version} is complete.")


def judge_bundle_architecture(bundle: BundleFacts, host: str, engine: str | None) -> Finding:
    """``host`` and ``engine`` in Debian's words; the engine's is ``None`` if it does not answer."""
    wanted = engine or host
    for said, where in (
        (bundle.machine, "its X server is built for"),
        (bundle.architecture, "it is made for"),
    ):
        if said and said != wanted:
            return bad(
                f"The bundle in {bundle.path} does not fit: {where} {said}, and sessions run on "
                f"{wanted}.",
                f"agent/build-bundle --refresh {bundle.path}, on this host.",
            )
    if not bundle.machine:
        return bad(
            f"The bundle's X server {bundle.path}/bin/Xtigervnc is no program.",
            f"agent/build-bundle --refresh --prune {bundle.path}",
        )
    return good(f"Bundle and engine are both {wanted}.")
