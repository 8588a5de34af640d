"""From a ``ContainerSpec`` to the body of ``POST /containers/create`` (Engine API v1.41).

Pure. Only what the spec says is written, so that the engine's and the image's defaults hold for
the rest. ``Binds`` is never used: it creates missing host directories as root, ``Mounts`` refuses.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from supervisor.engine.labels import SPEC_HASH
from supervisor.engine.payload_host import host_config
from supervisor.engine.payload_merge import merged, without_empty
from supervisor.engine.payload_network import (
    endpoint_config,
    exposed_ports,
    extra_networks,
    mac_address,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.template.spec import ContainerSpec, Healthcheck

__all__ = ["MASK", "container_body", "extra_networks", "limits_body", "mask_secrets", "spec_hash"]

MASK: Final = "********"
_CHANGEABLE: Final = (
    "NanoCpus",
    "CpuShares",
    "CpuPeriod",
    "CpuQuota",
    "CpusetCpus",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "PidsLimit",
)
_NANO: Final = 1_000_000_000
_SECRET: Final = re.compile(
    r"token|passw|passphrase|secret|credential|private|cookie|auth|(^|_|api|access)(key|pwd|pw)s?(_|$)",
    re.IGNORECASE,
)


def container_body(spec: ContainerSpec) -> dict[str, Any]:
    """Give the exact body; the name goes into the query, not in here.

    Creating joins the first network only: see ``extra_networks`` for the rest.
    """
    networking = spec.networking
    body = without_empty(
        {
            "Image": spec.image,
            "Entrypoint": list(spec.entrypoint),
            "Cmd": list(spec.command),
            "Env": [_variable(name, value) for name, value in spec.environment.items()],
            "WorkingDir": spec.working_dir,
            "User": spec.user,
            "Tty": spec.tty,
            "OpenStdin": spec.stdin_open,
            "Hostname": networking.hostname,
            "Domainname": networking.domainname,
            "MacAddress": mac_address(networking),
            "ExposedPorts": exposed_ports(networking),
            "StopSignal": spec.stop_signal,
            "Labels": dict(spec.labels),
            "Healthcheck": _healthcheck(spec.healthcheck) if spec.healthcheck else None,
        }
    )
    if spec.stop_grace_seconds is not None:
        body["StopTimeout"] = math.ceil(spec.stop_grace_seconds)
    body = merged(body, spec.raw_container_config)
    body["HostConfig"] = host_config(spec)
    if networking.networks:
        first = networking.networks[0]
        body["NetworkingConfig"] = {"EndpointsConfig": {first.name: endpoint_config(first)}}
    return body


def limits_body(spec: ContainerSpec) -> dict[str, Any]:
    """Give the body of ``POST /containers/{id}/update``: the limits that can change.

    A limit that the new spec does not have stays as it was: the engine cannot lift one.
    """
    config = host_config(spec)
    limits: dict[str, Any] = {key: config[key] for key in _CHANGEABLE if key in config}
    # Without it, memory cannot grow past the swap limit that the old memory limit implied.
    if "Memory" in limits and "MemorySwap" not in limits:
        limits["MemorySwap"] = 2 * limits["Memory"]
    return limits


def spec_hash(body: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a body in hex, whatever the order of its keys.

    The label that carries the hash is not part of what is hashed.
    """
    labels = {key: value for key, value in body.get("Labels", {}).items() if key != SPEC_HASH}
    canonical = json.dumps(
        {**body, "Labels": labels},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def mask_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a body for printing, without the values of variables whose names look secret."""
    shown = dict(body)
    if "Env" in body:
        shown["Env"] = [_masked(variable) for variable in body["Env"]]
    return shown


def _variable(name: str, value: str | None) -> str:
    """``NAME=value``; a bare ``NAME`` makes the engine remove what the image sets."""
    return name if value is None else f"{name}={value}"


def _masked(variable: str) -> str:
    name, equals, value = variable.partition("=")
    return f"{name}={MASK}" if equals and value and _SECRET.search(name) else variable


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    return without_empty(
        {
            "Test": list(check.test),
            "Interval": int(check.interval_seconds * _NANO) or None,
            "Timeout": int(check.timeout_seconds * _NANO) or None,
            "StartPeriod": int(check.start_period_seconds * _NANO) or None,
            "Retries": check.retries or None,
        }
    )
