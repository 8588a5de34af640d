"""Where mounts may come from: by parts of the path, links followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.policy.mounts import judge_mounts, judge_source
from supervisor.policy.rules import Policy

HOME = Path("/home/alice")


@pytest.mark.parametrize(
    "source", ["/home/alice", "/home/alice/data", "/srv/projects", "/opt/apps/x", "/usr/share/x"]
)
def test_what_may_be_mounted(source: str) -> None:
    """The user's home, and what is below the roots."""
    assert list(judge_source(source, Policy(), HOME)) == []


@pytest.mark.parametrize(
    "source",
    [
        *("/", "//", "/.", "/home/..", "/etc", "/etc/passwd", "/home/alice/../../etc/shadow"),
        *("/run", "/run/docker.sock", "/var/run/docker.sock", "/var", "/var/lib", "/proc", "/sys"),
        *("/dev", "/dev/sda", "/boot", "/root", "/root/.ssh", "/var/lib/docker/volumes"),
        *("/homework", "/srv-secret/x", "/optional", "/usr", "/usr/sharers", "relative", ""),
    ],
)
def test_what_is_never_mounted(source: str) -> None:
    """Nor what only begins like a root."""
    assert list(judge_source(source, Policy(), HOME))


def test_what_is_never_mounted_cannot_be_allowed() -> None:
    """The policy cannot name it either."""
    policy = Policy(mount_sources=(Path("/"),))
    assert list(judge_source("/etc", policy, HOME))
    assert list(judge_source("/data/x", policy, HOME)) == []


def test_links_are_followed(tmp_path: Path) -> None:
    """Out of a root they lead nowhere; within it, and by a root that is a link, they may."""
    root, other = tmp_path / "root", tmp_path / "other"
    for each in (root / "inside", other):
        each.mkdir(parents=True)
    (root / "out").symlink_to(other)
    (root / "etc").symlink_to("/etc")
    (root / "in").symlink_to("inside")
    (tmp_path / "alias").symlink_to(root)
    policy = Policy(mount_sources=(root, tmp_path / "alias"))
    assert list(judge_source(str(root / "in"), policy, HOME)) == []
    assert list(judge_source(str(tmp_path / "alias" / "inside"), policy, HOME)) == []
    for way_out in ("out", "out/x", "etc", "etc/shadow", "inside/../out"):
        assert list(judge_source(str(root / way_out), policy, HOME)), way_out


@pytest.mark.parametrize(
    "options",
    [
        {"type": "none", "o": "bind", "device": "/etc"},
        {"o": "bind", "device": "/etc"},
        {"type": "ext4", "device": "/dev/sda1"},
        {"type": "overlay", "device": "overlay", "o": "lowerdir=/etc"},
    ],
)
def test_a_volume_is_no_way_around(options: dict[str, str]) -> None:
    """The local driver mounts whatever it is told."""
    driver = {"name": "local", "options": options}
    mount = {"type": "volume", "source": "v", "volumeoptions": {"driverconfig": driver}}
    assert list(judge_mounts({"mounts": [mount]}, Policy(), HOME))


def test_volumes_by_name() -> None:
    """Any by default; only those listed where there is a list."""
    host = {"mounts": [{"type": "volume", "source": "scratch"}], "binds": ["data:/data"]}
    assert list(judge_mounts(host, Policy(), HOME)) == []
    assert len(list(judge_mounts(host, Policy(volumes=("scratch",)), HOME))) == 1


def test_binds_are_mounts() -> None:
    """The engine's older word for the same."""
    assert list(judge_mounts({"binds": ["/etc:/x:ro"]}, Policy(), HOME))
    assert list(judge_mounts({"mounts": [{"type": "BIND", "source": "/etc"}]}, Policy(), HOME))
    assert list(judge_mounts({"mounts": [{"type": "npipe", "source": "x"}]}, Policy(), HOME))
