"""``networks``, ``ports``, ``expose``, ``extra_hosts``, ``dns``: written out."""

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from supervisor.template.schema.values import Line, LineOrNumber, Options, Section, Whole

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def _address(value: str) -> str:
    ipaddress.ip_address(value)
    return value


def _host_address(value: str) -> str:
    return value if value == "host-gateway" else _address(value)


def _ports(value: str) -> str:
    match = _PORTS.fullmatch(value)
    bounds = [int(text) for text in match.groups() if text is not None] if match else []
    if not bounds or sorted(bounds) != bounds or not 1 <= bounds[0] <= bounds[-1] <= 65535:
        msg = "must be a port or a range of ports such as 8000-8010"
        raise ValueError(msg)
    return value


def _exposed(value: str) -> str:
    ports, _, protocol = value.partition("/")
    if protocol not in {"", "tcp", "udp", "sctp"}:
        msg = "the protocol must be tcp, udp or sctp"
        raise ValueError(msg)
    _ports(ports)
    return value


def _host_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?", value):
        msg = "must be a host name: letters, digits, dots and hyphens"
        raise ValueError(msg)
    return value


def _mac(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", value):
        msg = "must be a MAC address such as 02:42:ac:11:00:02"
        raise ValueError(msg)
    return value


def _network_mode(value: str) -> str:
    if value.startswith("service:"):
        msg = "there are no other services: write container:NAME or a network's name"
        raise ValueError(msg)
    return value


Address = Annotated[Line, AfterValidator(_address)]
HostName = Annotated[Line, AfterValidator(_host_name)]
MacAddress = Annotated[Line, AfterValidator(_mac)]
Ports = Annotated[LineOrNumber, AfterValidator(_ports)]
ExposedPorts = Annotated[LineOrNumber, AfterValidator(_exposed)]
NetworkMode = Annotated[Line, AfterValidator(_network_mode)]


class NetworkSection(Section):
    """How the container joins one network."""

    aliases: list[HostName] = Field(default_factory=list)
    """Further names of the container in it."""
    ipv4_address: Address | None = None
    """Address in it."""
    ipv6_address: Address | None = None
    """Address in it."""
    link_local_ips: list[Address] = Field(default_factory=list)
    """Link-local addresses in it."""
    mac_address: MacAddress | None = None
    """MAC address in it."""
    driver_opts: Options = Field(default_factory=dict)
    """Options of the network's driver."""
    priority: Whole = 0
    """The highest is joined first."""


NetworkOrNothing = Annotated[
    NetworkSection,
    BeforeValidator(lambda value: {} if value is None else value),
]


class PortSection(Section):
    """One of ``ports``: ``published`` None lets the engine choose."""

    target: Ports
    """Port in the container, or a range."""
    published: Ports | None = None
    """Port of the host; without one the engine chooses."""
    host_ip: Address | None = None
    """Address of the host to publish it on."""
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    """``tcp``, ``udp`` or ``sctp``."""
    mode: Literal["host", "ingress"] = "ingress"
    """For Swarm."""
    name: Line | None = None
    """For people."""
    app_protocol: Line | None = None
    """For people."""

    @model_validator(mode="after")
    def _ranges_pair_up(self) -> Self:
        targets = len(port_numbers(self.target))
        if self.published and targets not in {1, len(port_numbers(self.published))}:
            msg = "as many ports must be published as there are targets"
            raise ValueError(msg)
        return self


class HostEntry(Section):
    """One of ``extra_hosts``: a line of /etc/hosts."""

    host: HostName
    address: Annotated[Line, AfterValidator(_host_address)]


def port_numbers(ports: str) -> list[int]:
    """``8000-8002`` as [8000, 8001, 8002]."""
    first, _, last = ports.partition("-")
    return list(range(int(first), int(last or first) + 1))


Domain = Annotated[Line, Field(max_length=255)]
