"""Networks and ports in the engine's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor.engine.payload_merge import without_empty

if TYPE_CHECKING:
    from supervisor.template.spec import ContainerSpec, NetworkAttachment, Networking


def endpoint_config(network: NetworkAttachment) -> dict[str, Any]:
    """Give the ``EndpointSettings`` of one network."""
    ipam = without_empty(
        {
            "IPv4Address": network.ipv4_address,
            "IPv6Address": network.ipv6_address,
            "LinkLocalIPs": list(network.link_local_ips),
        }
    )
    return without_empty(
        {
            "IPAMConfig": ipam,
            "Aliases": list(network.aliases),
            "MacAddress": network.mac_address,
            "DriverOpts": dict(network.driver_options),
        }
    )


def extra_networks(spec: ContainerSpec) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Give name and ``EndpointConfig`` of every network after the first.

    Up to API v1.43 a container is created with one network; the others are joined by
    ``POST /networks/{name}/connect`` between create and start.
    """
    others = spec.networking.networks[1:]
    return tuple((network.name, endpoint_config(network)) for network in others)


def network_mode(networking: Networking) -> str | None:
    """Give ``HostConfig.NetworkMode``: the first network's name where there are any."""
    return networking.networks[0].name if networking.networks else networking.mode


def mac_address(networking: Networking) -> str | None:
    """Give the container-wide address, which API v1.41 reads instead of the endpoint's."""
    first = networking.networks[0].mac_address if networking.networks else None
    return networking.mac_address or first


def exposed_ports(networking: Networking) -> dict[str, Any]:
    """Give ``ExposedPorts``: what is published is exposed, as ``docker run`` has it."""
    published = [f"{port.container_port}/{port.protocol}" for port in networking.ports]
    return {port: {} for port in [*networking.exposed, *published]}


def port_bindings(networking: Networking) -> dict[str, Any]:
    """Give ``HostConfig.PortBindings``."""
    bindings: dict[str, Any] = {}
    for port in networking.ports:
        key = f"{port.container_port}/{port.protocol}"
        binding = {"HostIp": port.host_ip, "HostPort": port.host_port}
        bindings.setdefault(key, []).append(binding)
    return bindings
