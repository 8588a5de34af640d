"""From the validated keys of a container to its ``ContainerSpec``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.lifecycle.session import SessionRules
from supervisor.template.schema.network import port_numbers
from supervisor.template.spec import (
    BlockIo,
    ContainerSpec,
    Device,
    DeviceLimit,
    DeviceRequest,
    Healthcheck,
    Isolation,
    Mount,
    MountType,
    NetworkAttachment,
    Networking,
    Placement,
    PortBinding,
    Resources,
    Ulimit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.template.schema.deploy import DeploySection
    from supervisor.template.schema.devices import BlkioSection, DeviceRate, GpuSection
    from supervisor.template.schema.mounts import MountSection
    from supervisor.template.schema.network import PortSection
    from supervisor.template.schema.service import CommandLine, HealthSection, ServiceSection

DEFAULT_STOP_SECONDS = 10.0


def container_spec(service: ServiceSection, groups: Iterable[int], user: str) -> ContainerSpec:
    """Describe the container; entrypoint and command stay empty, for the session's agent.

    ``user`` and its ``groups`` hold where the template names no user.
    """
    own_groups = service.group_add
    inherited = [str(group) for group in groups] if service.user is None else []
    return ContainerSpec(
        image=service.image,
        pull_policy=service.pull_policy,
        platform=service.platform,
        environment=service.environment,
        working_dir=service.working_dir,
        user=service.user or user,
        group_add=tuple(dict.fromkeys([*inherited, *own_groups])),
        tty=service.tty,
        stdin_open=service.stdin_open,
        init=service.init,
        stop_signal=service.stop_signal,
        stop_grace_seconds=stop_grace_seconds(service),
        healthcheck=_healthcheck(service.healthcheck) if service.healthcheck else None,
        labels=service.labels,
        log_driver=service.logging.driver if service.logging else None,
        log_options=service.logging.options if service.logging else {},
        mounts=tuple(_mount(mount) for mount in service.volumes),
        volumes_from=tuple(service.volumes_from),
        tmpfs={mount.target: ",".join(mount.options) for mount in service.tmpfs},
        storage_options=service.storage_opt,
        devices=tuple(
            Device(source=d.source, target=d.target, permissions=d.permissions)
            for d in service.devices
        ),
        device_cgroup_rules=tuple(service.device_cgroup_rules),
        device_requests=tuple(
            _device_request(gpu)
            for gpu in service.gpus or service.deploy.resources.reservations.devices
        ),
        networking=_networking(service),
        isolation=_isolation(service),
        resources=_resources(service),
        placement=_placement(service.deploy),
        raw_host_config=service.host_config,
        raw_container_config=service.container_config,
    )


def stop_grace_seconds(service: ServiceSection) -> float:
    """Give the time to end in: the session's, else the container's, else Docker's ten seconds."""
    for seconds in (service.session.stop_grace_period, service.stop_grace_period):
        if seconds is not None:
            return seconds
    return DEFAULT_STOP_SECONDS


def session_rules(service: ServiceSection) -> SessionRules:
    """Resolve the ``session:`` section."""
    session = service.session
    return SessionRules(
        startup_seconds=session.startup_timeout,
        stop_grace_seconds=stop_grace_seconds(service),
        idle_seconds=session.idle_timeout,
        disconnect_seconds=session.disconnect_timeout,
        lifetime_seconds=session.lifetime,
        lifetime_warning_seconds=session.lifetime_warning,
        suspend=session.suspend,
        suspend_seconds=session.suspend_timeout,
        clipboard=session.clipboard,
        end=session.end,
        window_manager=session.window_manager,
    )


def _healthcheck(section: HealthSection) -> Healthcheck:
    if section.disable:
        return Healthcheck(test=("NONE",))
    return Healthcheck(
        test=_health_test(section.test) if section.test else (),
        interval_seconds=section.interval or 0,
        timeout_seconds=section.timeout or 0,
        start_period_seconds=section.start_period or 0,
        retries=section.retries or 0,
    )


def _health_test(test: CommandLine) -> tuple[str, ...]:
    return ("CMD", *test.argv) if test.argv else ("CMD-SHELL", test.shell or "")


def _mount(section: MountSection) -> Mount:
    bind, volume, tmpfs = section.bind, section.volume, section.tmpfs
    return Mount(
        type=MountType(section.type),
        source=section.source,
        target=section.target,
        read_only=section.read_only,
        propagation=bind.propagation if bind else None,
        create_host_path=bind.create_host_path if bind else False,
        recursive=bind is None or bind.recursive != "disabled",
        no_copy=volume.nocopy if volume else False,
        driver=volume.driver if volume else None,
        driver_options=volume.driver_opts if volume else {},
        labels=volume.labels if volume else {},
        size_bytes=tmpfs.size if tmpfs else None,
        mode=tmpfs.mode if tmpfs else None,
    )


def _device_request(gpu: GpuSection) -> DeviceRequest:
    everything = gpu.count is None and not gpu.device_ids
    # docker run --gpus adds "gpu" to whatever capabilities are named.
    capabilities = gpu.capabilities if "gpu" in gpu.capabilities else [*gpu.capabilities, "gpu"]
    return DeviceRequest(
        driver=gpu.driver or "",
        count=-1 if everything else gpu.count or 0,
        device_ids=tuple(gpu.device_ids),
        capabilities=tuple(capabilities),
        options=gpu.options,
    )


def _networking(service: ServiceSection) -> Networking:
    ordered = sorted(service.networks.items(), key=lambda item: -item[1].priority)
    return Networking(
        mode=service.network_mode,
        networks=tuple(
            NetworkAttachment(
                name=name,
                aliases=tuple(network.aliases),
                ipv4_address=network.ipv4_address,
                ipv6_address=network.ipv6_address,
                link_local_ips=tuple(network.link_local_ips),
                mac_address=network.mac_address,
                driver_options=network.driver_opts,
            )
            for name, network in ordered
        ),
        mac_address=service.mac_address,
        hostname=service.hostname,
        domainname=service.domainname,
        extra_hosts=tuple((entry.host, entry.address) for entry in service.extra_hosts),
        dns=tuple(service.dns),
        dns_search=tuple(service.dns_search),
        dns_options=tuple(service.dns_opt),
        ports=tuple(binding for port in service.ports for binding in _bindings(port)),
        exposed=tuple(port for item in service.expose for port in _exposed(item)),
    )


def _bindings(port: PortSection) -> list[PortBinding]:
    """Publish port by port; a range for a single port lets the engine choose from it."""
    targets = port_numbers(port.target)
    if port.published is None:
        hosts = [""] * len(targets)
    elif len(targets) == 1:
        hosts = [port.published]
    else:
        hosts = [str(number) for number in port_numbers(port.published)]
    return [
        PortBinding(
            container_port=target,
            protocol=port.protocol,
            host_ip=port.host_ip or "",
            host_port=host,
        )
        for target, host in zip(targets, hosts, strict=True)
    ]


def _exposed(item: str) -> list[str]:
    ports, _, protocol = item.partition("/")
    return [f"{number}/{protocol or 'tcp'}" for number in port_numbers(ports)]


def _isolation(service: ServiceSection) -> Isolation:
    return Isolation(
        cap_add=tuple(service.cap_add),
        cap_drop=tuple(service.cap_drop),
        security_opt=tuple(service.security_opt),
        privileged=service.privileged,
        read_only=service.read_only,
        userns_mode=service.userns_mode,
        pid_mode=service.pid,
        ipc_mode=service.ipc,
        uts_mode=service.uts,
        cgroup_mode=service.cgroup,
        cgroup_parent=service.cgroup_parent,
        runtime=service.runtime,
        technology=service.isolation,
        sysctls=service.sysctls,
    )


def _resources(service: ServiceSection) -> Resources:
    limits = service.deploy.resources.limits
    reserved = service.deploy.resources.reservations
    return Resources(
        nano_cpus=service.cpus if service.cpus is not None else limits.cpus,
        nano_cpus_reserved=reserved.cpus,
        cpu_shares=service.cpu_shares,
        cpu_quota=service.cpu_quota,
        cpu_period=service.cpu_period,
        cpu_rt_period=service.cpu_rt_period,
        cpu_rt_runtime=service.cpu_rt_runtime,
        cpuset=service.cpuset,
        memory_bytes=service.mem_limit if service.mem_limit is not None else limits.memory,
        memory_reserved_bytes=(
            service.mem_reservation if service.mem_reservation is not None else reserved.memory
        ),
        memory_swap_bytes=service.memswap_limit,
        memory_swappiness=service.mem_swappiness,
        pids=service.pids_limit if service.pids_limit is not None else limits.pids,
        shm_bytes=service.shm_size,
        oom_score_adj=service.oom_score_adj,
        oom_kill_disable=service.oom_kill_disable,
        ulimits=tuple(
            Ulimit(name=name, soft=limit.soft, hard=limit.hard)
            for name, limit in service.ulimits.items()
        ),
        block_io=_block_io(service.blkio_config) if service.blkio_config else BlockIo(),
    )


def _block_io(section: BlkioSection) -> BlockIo:
    return BlockIo(
        weight=section.weight,
        weight_devices=tuple(
            DeviceLimit(path=device.path, value=device.weight) for device in section.weight_device
        ),
        read_bps=_rates(section.device_read_bps),
        write_bps=_rates(section.device_write_bps),
        read_iops=_rates(section.device_read_iops),
        write_iops=_rates(section.device_write_iops),
    )


def _rates(devices: list[DeviceRate]) -> tuple[DeviceLimit, ...]:
    return tuple(DeviceLimit(path=device.path, value=device.rate) for device in devices)


def _placement(deploy: DeploySection) -> Placement | None:
    section = deploy.placement
    if section is None:
        return None
    return Placement(
        constraints=tuple(section.constraints),
        spread=tuple(preference.spread for preference in section.preferences),
        max_replicas_per_node=section.max_replicas_per_node,
    )
