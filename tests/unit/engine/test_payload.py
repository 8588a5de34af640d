"""The engine's request as a whole: what is always said, what is never said."""

from __future__ import annotations

import json
from dataclasses import replace

from supervisor.engine.payload import (
    MASK,
    container_body,
    extra_networks,
    mask_secrets,
    spec_hash,
)
from supervisor.template.spec import Mount, MountType
from tests.unit.template.samples import render_keys


def test_plain_template_says_little() -> None:
    """What a template leaves open is left to the engine and the image."""
    assert container_body(render_keys({}).spec) == {
        "Image": "fx/x",
        "User": "1000:1000",
        "StopTimeout": 10,
        "HostConfig": {"AutoRemove": True, "Init": True, "GroupAdd": ["1000", "44"]},
    }


def test_supervisors_additions_are_kept() -> None:
    """Entry point, mounts, variables and labels that were added to a specification are sent."""
    spec = render_keys({"environment": {"A": "b"}, "tmpfs": "/run"}).spec
    agent = Mount(type=MountType.BIND, source="/opt/agent", target="/agent", read_only=True)
    body = container_body(
        replace(
            spec,
            entrypoint=("/usr/bin/perl", "/agent/x"),
            command=("y",),
            mounts=(*spec.mounts, agent),
            tmpfs={**spec.tmpfs, "/t": ""},
            labels={"l": "m"},
            environment={**spec.environment, "C": "d"},
        )
    )
    assert (body["Entrypoint"], body["Cmd"]) == (["/usr/bin/perl", "/agent/x"], ["y"])
    assert (body["Env"], body["Labels"]) == (["A=b", "C=d"], {"l": "m"})
    assert body["HostConfig"]["Tmpfs"] == {"/run": "", "/t": ""}
    assert body["HostConfig"]["Mounts"][0]["Source"] == "/opt/agent"


def test_one_network_is_joined_by_creating() -> None:
    """The network of highest priority is created with; the others are for connect calls."""
    spec = render_keys(
        {
            "networks": {
                "low": {"aliases": ["a"]},
                "high": {"priority": 5, "mac_address": "02:42:ac:11:00:09"},
                "none": None,
            }
        }
    ).spec
    body = container_body(spec)
    assert list(body["NetworkingConfig"]["EndpointsConfig"]) == ["high"]
    assert body["HostConfig"]["NetworkMode"] == "high"
    assert body["MacAddress"] == "02:42:ac:11:00:09"
    assert extra_networks(spec) == (("low", {"Aliases": ["a"]}), ("none", {}))


def test_raw_sections_are_laid_over() -> None:
    """Raw keys are merged last: objects are merged, everything else is replaced."""
    body = container_body(
        render_keys(
            {
                "mem_limit": "64m",
                "logging": {"driver": "syslog", "options": {"a": "b"}},
                "host_config": {"Memory": 1, "LogConfig": {"Type": "x"}},
                "container_config": {"Tty": True},
            }
        ).spec
    )
    assert body["HostConfig"]["Memory"] == 1
    assert body["HostConfig"]["LogConfig"] == {"Type": "x", "Config": {"a": "b"}}
    assert body["Tty"] is True


def test_zero_is_said() -> None:
    """A limit of zero is not the same as none."""
    host = container_body(render_keys({"oom_score_adj": 0, "mem_swappiness": 0}).spec)["HostConfig"]
    assert (host["OomScoreAdj"], host["MemorySwappiness"]) == (0, 0)


def test_init_may_be_switched_off() -> None:
    """An image with an init of its own can have its way."""
    assert container_body(render_keys({"init": False}).spec)["HostConfig"]["Init"] is False


def test_unconfined_system_paths_are_translated() -> None:
    """The option that only the docker command knows becomes the engine's two empty lists."""
    keys = {"security_opt": ["systempaths=unconfined", "no-new-privileges:true"]}
    host = container_body(render_keys(keys).spec)["HostConfig"]
    assert (host["MaskedPaths"], host["ReadonlyPaths"]) == ([], [])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]


def test_port_ranges_are_published_one_by_one() -> None:
    """Ranges of equal length pair up; a range for a single port is the engine's to choose from."""
    ports = ["3000-3001:4000-4001/udp", "8000-8010:80", 90, "[::1]:1:2"]
    body = container_body(render_keys({"ports": ports}).spec)
    assert body["HostConfig"]["PortBindings"] == {
        "4000/udp": [{"HostIp": "", "HostPort": "3000"}],
        "4001/udp": [{"HostIp": "", "HostPort": "3001"}],
        "80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}],
        "90/tcp": [{"HostIp": "", "HostPort": ""}],
        "2/tcp": [{"HostIp": "::1", "HostPort": "1"}],
    }


def test_hash_is_stable() -> None:
    """The hash depends on what is said, not on the order, and not on the label that carries it."""
    body = container_body(render_keys({"labels": {"a": "b"}, "mem_limit": "64m"}).spec)
    again = json.loads(json.dumps(body, sort_keys=True))
    labelled = again | {"Labels": again["Labels"] | {"com.fastx.supervisor.spec-hash": "x"}}
    assert spec_hash(body) == spec_hash(again) == spec_hash(labelled)
    assert spec_hash(body) != spec_hash(body | {"Image": "fx/y"})


def test_secrets_are_not_printed() -> None:
    """Values of variables that look secret are masked in a copy; the request keeps them."""
    secret = ["DB_PASSWORD", "TOKEN", "API_KEY", "aws_secret_access_key", "COOKIE", "SSH_KEY"]
    plain = ["KEYBOARD", "LANG", "MONKEY_COUNT", "PATH"]
    variables = dict.fromkeys([*secret, *plain], "v") | {"EMPTY_TOKEN": "", "UNSET_KEY": None}
    body = container_body(render_keys({"environment": variables}).spec)
    shown = mask_secrets(body)["Env"]
    masked = {entry for entry in shown if entry.endswith(MASK)}
    assert masked == {f"{name}={MASK}" for name in secret}
    assert f"{plain[0]}=v" in shown
    assert "TOKEN=v" in body["Env"]
