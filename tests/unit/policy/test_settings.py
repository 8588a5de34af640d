"""``policy:`` in supervisor.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.config import load_config
from supervisor.errors import ConfigError
from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.policy.rules import Ceilings, Grant, Policy

WHOLE = """\
policy:
  images: ["registry.example.com/*"]
  mount_sources: [/data]
  volumes: [scratch]
  allow: [host_network, gpus]
  capabilities: [cap_sys_ptrace, NET_RAW]
  devices: ["/dev/dri/*"]
  security_opt: ["apparmor=mine"]
  sysctls: []
  runtimes: [runsc]
  most: {memory: 8g, cpus: 2.5, pids: 1000, shm_size: 1g}
  default: {memory: null, pids: 100}
  clipboard: out
"""


def policy_of(tmp_path: Path, text: str) -> Policy:
    """What a file says."""
    path = tmp_path / "supervisor.yaml"
    path.write_text(text)
    return load_config(path).policy.policy(frozenset({"root"}))


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    """Which gives nothing away."""
    policy = policy_of(tmp_path, "log: {level: debug}\n")
    assert policy == Policy(forbidden_groups=frozenset({"root"}))
    assert policy.allow == frozenset()


def test_everything_said(tmp_path: Path) -> None:
    """Sizes, CPUs and names as people write them."""
    assert policy_of(tmp_path, WHOLE) == Policy(
        images=("registry.example.com/*",),
        mount_sources=(Path("/data"),),
        volumes=("scratch",),
        allow=frozenset({Grant.HOST_NETWORK, Grant.GPUS}),
        capabilities=frozenset({"SYS_PTRACE", "NET_RAW"}),
        devices=("/dev/dri/*",),
        security_opt=("apparmor=mine",),
        sysctls=(),
        runtimes=("runsc",),
        forbidden_gids=frozenset({0}),
        forbidden_groups=frozenset({"root"}),
        most=Ceilings(
            memory_bytes=8 * 1024**3, nano_cpus=2_500_000_000, pids=1000, shm_bytes=1024**3
        ),
        default=Ceilings(pids=100),
        clipboard=ClipboardPolicy.OUT,
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("policy: {allow: [everything]}", "policy.allow"),
        ("policy: {mount_sources: [data]}", "policy.mount_sources.0"),
        ("policy: {most: {memory: lots}}", "policy.most.memory"),
        ("policy: {most: {cpus: 0}}", "policy.most.cpus"),
        ("policy: {image: [x]}", "policy.image"),
        ("policy: {clipboard: none}", "policy.clipboard"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    """File, line and key."""
    with pytest.raises(ConfigError, match=rf"supervisor\.yaml:1:\d+: {place}"):
        policy_of(tmp_path, text)
