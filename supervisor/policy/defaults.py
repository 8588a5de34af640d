"""Limits and confinement for what a template leaves open. Pure."""

from __future__ import annotations

from dataclasses import replace

from supervisor.policy.rules import Ceilings, Grant, Logging, Policy
from supervisor.template.spec import ContainerSpec, Resources

_CONFINED = "no-new-privileges:true"


def with_defaults(spec: ContainerSpec, policy: Policy) -> ContainerSpec:
    """The container with the policy's limits where it has none; what it says itself stays."""
    said = {key.lower() for key in spec.raw_host_config}
    resources = _limited(spec.resources, policy.default, said)
    isolation = spec.isolation
    is_said = "securityopt" in said or any(map(_is_about_privileges, isolation.security_opt))
    if Grant.NEW_PRIVILEGES not in policy.allow and not is_said:
        isolation = replace(isolation, security_opt=(*isolation.security_opt, _CONFINED))
    spec = replace(spec, resources=resources, isolation=isolation)
    if policy.logging is None or "logconfig" in said:
        return spec
    return _logged(spec, policy.logging)


def _logged(spec: ContainerSpec, default: Logging) -> ContainerSpec:
    """With the default's driver and options where the template names none.

    A template that names the same driver and says how much is kept has said it all.
    """
    is_bounded = "max-size" in spec.log_options
    if is_bounded or spec.log_driver not in {None, default.driver}:
        return spec
    options = {**dict(default.options), **spec.log_options}
    return replace(spec, log_driver=default.driver, log_options=options)


def _is_about_privileges(option: str) -> bool:
    return option.startswith("no-new-privileges")


def _limited(resources: Resources, default: Ceilings, said: set[str]) -> Resources:
    memory, pids, shm = resources.memory_bytes, resources.pids, resources.shm_bytes
    has_cpus = resources.nano_cpus is not None or resources.cpu_quota is not None
    if memory is None and "memory" not in said:
        memory = default.memory_bytes
    if pids is None and "pidslimit" not in said:
        pids = default.pids
    if shm is None and "shmsize" not in said:
        shm = default.shm_bytes
    cpus = resources.nano_cpus
    if not has_cpus and not said & {"nanocpus", "cpuquota"}:
        cpus = default.nano_cpus
    return replace(resources, memory_bytes=memory, pids=pids, shm_bytes=shm, nano_cpus=cpus)
