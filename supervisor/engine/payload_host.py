"""``HostConfig`` of a container: mounts, limits, privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from supervisor.engine.payload_merge import merged, without_empty
from supervisor.engine.payload_network import network_mode, port_bindings
from supervisor.template.spec import MountType

if TYPE_CHECKING:
    from supervisor.template.spec import (
        ContainerSpec,
        DeviceLimit,
        DeviceRequest,
        Isolation,
        Mount,
        Networking,
        Resources,
    )

_ALL_PATHS: Final = "systempaths=unconfined"


def host_config(spec: ContainerSpec) -> dict[str, Any]:
    """Give the whole of ``HostConfig``, the raw pass-through laid over it."""
    body = {
        "Mounts": [_mount(mount) for mount in spec.mounts],
        "Tmpfs": dict(spec.tmpfs),
        "VolumesFrom": list(spec.volumes_from),
        "StorageOpt": dict(spec.storage_options),
        "GroupAdd": list(spec.group_add),
        "Devices": [
            {
                "PathOnHost": device.source,
                "PathInContainer": device.target,
                "CgroupPermissions": device.permissions,
            }
            for device in spec.devices
        ],
        "DeviceCgroupRules": list(spec.device_cgroup_rules),
        "DeviceRequests": [_device_request(request) for request in spec.device_requests],
        "LogConfig": without_empty({"Type": spec.log_driver, "Config": dict(spec.log_options)}),
    }
    body |= _networking(spec.networking) | _isolation(spec.isolation) | _resources(spec.resources)
    body = without_empty(body) | {"AutoRemove": True, "Init": spec.init}
    if _ALL_PATHS in spec.isolation.security_opt:
        # The docker command translates this one; the engine does not know it.
        body |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return merged(body, spec.raw_host_config)


def _mount(mount: Mount) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Type": mount.type.value,
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    match mount.type:
        case MountType.BIND:
            body["BindOptions"] = without_empty(
                {
                    "Propagation": mount.propagation,
                    "NonRecursive": not mount.recursive,
                    "CreateMountpoint": mount.create_host_path,
                }
            )
        case MountType.VOLUME:
            driver = {"Name": mount.driver, "Options": dict(mount.driver_options)}
            body["VolumeOptions"] = without_empty(
                {
                    "NoCopy": mount.no_copy,
                    "Labels": dict(mount.labels),
                    "DriverConfig": without_empty(driver),
                }
            )
        case MountType.TMPFS:
            body["TmpfsOptions"] = without_empty(
                {"SizeBytes": mount.size_bytes, "Mode": mount.mode},
            )
    return without_empty(body)


def _device_request(request: DeviceRequest) -> dict[str, Any]:
    body = {
        "Driver": request.driver,
        "DeviceIDs": list(request.device_ids),
        "Capabilities": [list(request.capabilities)],
        "Options": dict(request.options),
    }
    count = {} if request.device_ids else {"Count": request.count}
    return without_empty(body) | count


def _networking(networking: Networking) -> dict[str, Any]:
    return {
        "NetworkMode": network_mode(networking),
        "ExtraHosts": [f"{host}:{address}" for host, address in networking.extra_hosts],
        "Dns": list(networking.dns),
        "DnsSearch": list(networking.dns_search),
        "DnsOptions": list(networking.dns_options),
        "PortBindings": port_bindings(networking),
    }


def _isolation(isolation: Isolation) -> dict[str, Any]:
    return {
        "CapAdd": list(isolation.cap_add),
        "CapDrop": list(isolation.cap_drop),
        "SecurityOpt": [option for option in isolation.security_opt if option != _ALL_PATHS],
        "Privileged": isolation.privileged,
        "ReadonlyRootfs": isolation.read_only,
        "UsernsMode": isolation.userns_mode,
        "PidMode": isolation.pid_mode,
        "IpcMode": isolation.ipc_mode,
        "UTSMode": isolation.uts_mode,
        "CgroupnsMode": isolation.cgroup_mode,
        "CgroupParent": isolation.cgroup_parent,
        "Runtime": isolation.runtime,
        "Isolation": isolation.technology,
        "Sysctls": dict(isolation.sysctls),
    }


def _resources(resources: Resources) -> dict[str, Any]:
    block_io = resources.block_io
    return {
        "NanoCpus": resources.nano_cpus,
        "CpuShares": resources.cpu_shares,
        "CpuQuota": resources.cpu_quota,
        "CpuPeriod": resources.cpu_period,
        "CpuRealtimePeriod": resources.cpu_rt_period,
        "CpuRealtimeRuntime": resources.cpu_rt_runtime,
        "CpusetCpus": resources.cpuset,
        "Memory": resources.memory_bytes,
        "MemoryReservation": resources.memory_reserved_bytes,
        "MemorySwap": resources.memory_swap_bytes,
        "MemorySwappiness": resources.memory_swappiness,
        "PidsLimit": resources.pids,
        "ShmSize": resources.shm_bytes,
        "OomScoreAdj": resources.oom_score_adj,
        "OomKillDisable": resources.oom_kill_disable,
        "Ulimits": [
            {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard}
            for limit in resources.ulimits
        ],
        "BlkioWeight": block_io.weight,
        "BlkioWeightDevice": _limits(block_io.weight_devices, "Weight"),
        "BlkioDeviceReadBps": _limits(block_io.read_bps, "Rate"),
        "BlkioDeviceWriteBps": _limits(block_io.write_bps, "Rate"),
        "BlkioDeviceReadIOps": _limits(block_io.read_iops, "Rate"),
        "BlkioDeviceWriteIOps": _limits(block_io.write_iops, "Rate"),
    }


def _limits(limits: tuple[DeviceLimit, ...], word: str) -> list[dict[str, Any]]:
    return [{"Path": limit.path, word: limit.value} for limit in limits]
