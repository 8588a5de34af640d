"""Templates that would give the host away are refused, by whichever words they say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.engine.payload import container_body
from supervisor.engine.payload_merge import merged
from supervisor.policy.judge import Subject, judge
from supervisor.policy.rules import Ceilings, Grant, Policy
from tests.unit.template.samples import USER, render_keys

SUBJECT = Subject(uid=USER.uid, gid=USER.gid, home=Path(USER.home))
GIB = 1024**3
RAW = ("host_config", "container_config")


def breaches(keys: Mapping[str, Any], policy: Policy | None = None) -> list[str]:
    """What the policy says of a template with these keys.

    The raw sections go past the template's own checks, as if those were not there.
    """
    said = {key: value for key, value in keys.items() if key not in RAW}
    body = merged(container_body(render_keys(said).spec), keys.get("container_config", {}))
    body["HostConfig"] = merged(body["HostConfig"], keys.get("host_config", {}))
    return [str(each) for each in judge(body, policy or Policy(), SUBJECT)]


GRANTED: dict[str, tuple[Grant, dict[str, Any]]] = {
    "privileged": (Grant.PRIVILEGED, {"privileged": True}),
    "privileged, raw": (Grant.PRIVILEGED, {"host_config": {"Privileged": True}}),
    "privileged, lower case": (Grant.PRIVILEGED, {"host_config": {"privileged": True}}),
    "network": (Grant.HOST_NETWORK, {"network_mode": "host"}),
    "network, raw": (Grant.HOST_NETWORK, {"host_config": {"NetworkMode": "host"}}),
    "pid": (Grant.HOST_PID, {"pid": "host"}),
    "ipc": (Grant.HOST_IPC, {"ipc": "host"}),
    "uts": (Grant.HOST_UTS, {"uts": "host"}),
    "userns": (Grant.HOST_USERNS, {"userns_mode": "host"}),
    "cgroup": (Grant.HOST_CGROUP, {"cgroup": "host"}),
    "network of a container": (Grant.OTHER_CONTAINERS, {"network_mode": "container:db"}),
    "ipc of a container": (Grant.OTHER_CONTAINERS, {"host_config": {"IpcMode": "container:x"}}),
    "volumes of a container": (Grant.OTHER_CONTAINERS, {"volumes_from": ["container:db"]}),
    "links": (Grant.OTHER_CONTAINERS, {"host_config": {"Links": ["db:db"]}}),
    "root": (Grant.OTHER_USER, {"user": "0:0"}),
    "root by name": (Grant.OTHER_USER, {"user": "root"}),
    "another group": (Grant.OTHER_USER, {"user": f"{USER.uid}:0"}),
    "root, raw": (Grant.OTHER_USER, {"container_config": {"User": "0"}}),
    "set-uid": (Grant.NEW_PRIVILEGES, {"security_opt": ["no-new-privileges:false"]}),
    "seccomp": (Grant.UNCONFINED, {"security_opt": ["seccomp=unconfined"]}),
    "seccomp, colon": (Grant.UNCONFINED, {"security_opt": ["seccomp:unconfined"]}),
    "apparmor": (Grant.UNCONFINED, {"security_opt": ["apparmor=unconfined"]}),
    "label": (Grant.UNCONFINED, {"security_opt": ["label=disable"]}),
    "system paths": (Grant.UNCONFINED, {"security_opt": ["systempaths=unconfined"]}),
    "masked paths, raw": (Grant.UNCONFINED, {"host_config": {"MaskedPaths": []}}),
    "cgroup parent": (Grant.CGROUP_PARENT, {"cgroup_parent": "/"}),
    "spared by the kernel": (Grant.OOM_EXEMPT, {"oom_score_adj": -900}),
    "never killed": (Grant.OOM_EXEMPT, {"oom_kill_disable": True}),
    "gpus": (Grant.GPUS, {"gpus": "all"}),
    "unknown": (Grant.RAW, {"host_config": {"ContainerIDFile": "/etc/cron.d/x"}}),
    "unknown, of the container": (Grant.RAW, {"container_config": {"Surprise": 1}}),
}


@pytest.mark.parametrize("what", GRANTED)
def test_what_gives_the_host_away_has_to_be_granted(what: str) -> None:
    """Denied by default, with the word that would allow it; and that word allows it."""
    grant, keys = GRANTED[what]
    found = breaches(keys)
    assert [each for each in found if f"policy.allow: {grant}" in each], found
    assert breaches(keys, Policy(allow=frozenset({grant}))) == []


DENIED: dict[str, tuple[str, dict[str, Any]]] = {
    "capability": ("policy.capabilities", {"cap_add": ["SYS_ADMIN"]}),
    "all of them": ("policy.capabilities", {"cap_add": ["ALL"]}),
    "with its prefix": ("policy.capabilities", {"cap_add": ["CAP_NET_RAW"]}),
    "raw": ("policy.capabilities", {"host_config": {"CapAdd": ["sys_admin"]}}),
    "raw, lower case": ("policy.capabilities", {"host_config": {"capadd": ["SYS_ADMIN"]}}),
    "device": ("policy.devices", {"devices": ["/dev/sda:/dev/sda"]}),
    "device, raw": (
        "policy.devices",
        {"host_config": {"Devices": [{"pathonhost": "/dev/sda", "PathInContainer": "/x"}]}},
    ),
    "devices by number": ("policy.devices", {"device_cgroup_rules": ["b 8:* rwm"]}),
    "sysctl": ("policy.sysctls", {"sysctls": {"kernel.core_pattern": "|/bin/sh"}}),
    "runtime": ("policy.runtimes", {"runtime": "anything"}),
    "profile": ("policy.security_opt", {"security_opt": ["apparmor=docker-nothing"]}),
    "group": ("identity.forbidden_groups", {"group_add": ["0"]}),
    "group, raw": ("identity.forbidden_groups", {"host_config": {"GroupAdd": ["docker"]}}),
    "label": ("labels", {"container_config": {"Labels": {"com.fastx.supervisor.owner": "x"}}}),
    "said twice": (
        "container_config",
        {"privileged": False, "host_config": {"Memory": 1, "memory": 2}},
    ),
    "another user": ("container_config", {"container_config": {"user": "0"}}),
    "another host config": (
        "container_config",
        {"container_config": {"hostconfig": {"Privileged": True}}},
    ),
}


@pytest.mark.parametrize("what", DENIED)
def test_what_is_not_listed_is_denied(what: str) -> None:
    """With the key that would list it."""
    key, keys = DENIED[what]
    policy = Policy(forbidden_groups=frozenset({"docker"}))
    found = breaches(keys, policy)
    assert [each for each in found if key in each], found


ALLOWED: dict[str, tuple[Policy, dict[str, Any]]] = {
    "nothing said": (Policy(), {}),
    "own user": (Policy(), {"user": f"{USER.uid}"}),
    "network of its own": (Policy(), {"network_mode": "none"}),
    "confined": (Policy(), {"security_opt": ["no-new-privileges:true"], "cap_drop": ["ALL"]}),
    "capability": (Policy(capabilities=frozenset({"SYS_PTRACE"})), {"cap_add": ["sys_ptrace"]}),
    "device": (Policy(devices=("/dev/dri/*",)), {"devices": ["/dev/dri/card0"]}),
    "sysctl": (Policy(), {"sysctls": {"net.ipv4.ping_group_range": "0 1"}}),
    "group": (Policy(), {"group_add": ["video", "44"]}),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_harmless_or_listed_is_allowed(what: str) -> None:
    """No more is refused than has to be."""
    policy, keys = ALLOWED[what]
    assert breaches(keys, policy) == []


CEILINGS = Ceilings(memory_bytes=GIB, nano_cpus=2_000_000_000, pids=100, shm_bytes=GIB // 4)
WITHIN = {"mem_limit": "1g", "cpus": 2, "pids_limit": 100, "shm_size": "256m"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mem_limit", "1025m"),
        ("cpus", 2.5),
        ("pids_limit", 101),
        ("pids_limit", -1),
        ("shm_size", "257m"),
        ("host_config", {"Memory": 0}),
        ("host_config", {"CpuQuota": 900_000, "NanoCpus": 0}),
    ],
)
def test_nothing_is_above_the_ceilings(key: str, value: object) -> None:
    """Nor without a limit where there is a ceiling."""
    policy = Policy(most=CEILINGS)
    assert breaches(WITHIN, policy) == []
    found = breaches({**WITHIN, key: value}, policy)
    assert [each for each in found if "policy.most" in each], found


def test_every_breach_is_told() -> None:
    """So that nobody has to try again and again."""
    found = breaches({"privileged": True, "pid": "host", "cap_add": ["ALL"], "user": "0"})
    assert len(found) == 4


def test_an_image_is_judged_whole() -> None:
    """As the engine will be asked for it."""
    policy = replace(Policy(), images=("registry.example.com/*",))
    assert breaches({"image": "registry.example.com/desk:1"}, policy) == []
    (found,) = breaches({"image": "registry.example.com.evil.org/desk:1"}, policy)
    assert "policy.images" in found
