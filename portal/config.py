"""``portal.yaml``: every key, its default and its meaning.

Looked up as ``--config``, else ``$FX_CONFIG_DIR/portal.yaml`` (default ``/etc/fastx``); without a
file the defaults hold. Unknown keys are errors, with file, line and column.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from portal.places import config_file
from portal.yaml_file import read_yaml

Seconds = Annotated[float, Field(gt=0)]
Network = IPv4Network | IPv6Network

AT_START = Field(json_schema_extra={"x-needs-restart": True})
"""Marks a key that is read when the portal starts; all others hold from the next reload on."""

UNIX = "unix"
"""Among trusted proxies: whoever may connect to the Unix socket."""


def _origin(origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("it has to be like https://desk.example.com, and no more")
    return origin.lower()


def _proxy(proxy: str) -> str:
    if proxy != UNIX:
        ip_network(proxy)
    return proxy


class Section(BaseModel):
    """Base of all sections: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectionsConfig(Section):
    """How many there may be at once; an open page has up to seven, a display one."""

    per_address: Annotated[int, Field(ge=1)] = 1000
    """From one address (of IPv6: one /64), but for trusted proxies; at most half of the total."""
    total: Annotated[int, Field(ge=2)] | None = None
    """In all; ``null``: a third of the descriptors that the portal may have."""


class ListenConfig(Section):
    """Where browsers, or a proxy in front, connect."""

    host: Annotated[str, AT_START] = "127.0.0.1"
    """The address to listen on; one that others reach wants a certificate, or a proxy with one."""
    port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, AT_START] = 8300
    """``null``: no TCP; 0: any port that is free."""
    socket: Annotated[Path | None, AT_START] = None
    """A Unix socket, for a proxy on this host; ``null``: none."""
    socket_group: Annotated[str | None, AT_START] = None
    """Whose members may connect to it; ``null``: those of the portal's own group."""
    certificate_file: Path | None = None
    """PEM, with the chain to the authority after it; ``null``: in clear."""
    key_file: Path | None = None
    """The certificate's key: PEM, without a password."""
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    """What browsers call the portal, as ``https://desk.example.com``; none: as the request says."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_proxy)], ...] = ()
    """Addresses, networks, or ``unix``: whose X-Forwarded-* and user header are believed."""
    connections: ConnectionsConfig = ConnectionsConfig()

    @model_validator(mode="after")
    def _is_whole(self) -> ListenConfig:
        if self.port is None and self.socket is None:
            raise ValueError("neither port nor socket: nobody could connect")
        if (self.certificate_file is None) != (self.key_file is None):
            missing = "key_file" if self.key_file is None else "certificate_file"
            raise ValueError(f"{missing} is missing: certificate and key go together")
        if UNIX in self.trusted_proxies and self.socket is None:
            raise ValueError("trusted_proxies has unix, and there is no socket")
        return self

    @cached_property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The trusted proxies that come by TCP."""
        return tuple(ip_network(proxy) for proxy in self.trusted_proxies if proxy != UNIX)


class UpstreamConfig(Section):
    """The relay, whose web server the portal is."""

    socket: Annotated[Path, AT_START] = Path("/run/fastx-supervisor/web.sock")
    """Its web server's socket; the portal's user is in ``relay.web.allow_users`` there."""
    timeout_seconds: Annotated[Seconds, AT_START] = 30.0
    """How long one call may take."""
    hand_over: bool = True
    """Browsers' displays are the relay's to serve, from connection on: where browsers, or a proxy,
    come to the portal without TLS. ``false``: each byte of them passes the portal."""


class PamConfig(Section):
    """User and password, as this host checks them."""

    enabled: bool = True
    """Whether one can sign in so."""
    service: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")] = "fx-portal"
    """The file in ``/etc/pam.d``."""


class LinkConfig(Section):
    """One-time links, as ``fx-portal link --user alice`` prints them."""

    enabled: bool = True
    """Whether one can sign in so."""
    valid_seconds: Annotated[int, Field(ge=10, le=86_400)] = 600
    """How long one can be used, if it was not."""


class HeaderConfig(Section):
    """A proxy in front that has authenticated the user: only from ``listen.trusted_proxies``."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    """The header with the user's name, as ``X-Remote-User``; ``null``: none is believed."""
    sign_out_url: str | None = None
    """Where the proxy itself is signed out of; pages go there after signing out."""


class AttemptsConfig(Section):
    """How often it may be tried with a wrong password or link."""

    per_user: Annotated[int, Field(ge=1)] = 10
    """Failures for one user from all addresses, within the window."""
    per_address: Annotated[int, Field(ge=1)] = 30
    """Failures from one address (of IPv6: one /64), within the window."""
    window_seconds: Seconds = 900.0
    """After so long a failure is forgotten."""


class SignInConfig(Section):
    """Who may come in, and for how long."""

    title: Annotated[str, Field(max_length=64)] = "FastX"
    """What the pages call this place."""
    pam: PamConfig = PamConfig()
    link: LinkConfig = LinkConfig()
    header: HeaderConfig = HeaderConfig()
    attempts: AttemptsConfig = AttemptsConfig()
    idle_seconds: Seconds = 8 * 3600.0
    """A sign-in that was not used for so long has ended."""
    lifetime_seconds: Seconds = 7 * 86_400.0
    """And so has one that is so old."""


class AdministratorsConfig(Section):
    """Who sees all sessions and the node."""

    users: tuple[str, ...] = ()
    """Names of users."""
    groups: tuple[str, ...] = ()
    """Names of groups whose members are."""
    display: Literal["control", "view"] = "view"
    """What they may do on a display that is not theirs."""


class SharesConfig(Section):
    """Sessions shown to others by their owners."""

    named: bool = True
    """Whether a session can be shared with a user of this host."""
    anyone: bool = False
    """Whether it can be shared with whoever holds a link, signed in or not."""
    most_seconds: Annotated[int, Field(ge=60)] = 7 * 86_400
    """How long a share may hold."""


class LogConfig(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is less grave is left out."""
    format: Annotated[Literal["auto", "json", "console"], AT_START] = "auto"
    """``auto``: coloured text on a terminal, else one JSON object per line."""


class Config(Section):
    """The whole file."""

    listen: ListenConfig = ListenConfig()
    upstream: UpstreamConfig = UpstreamConfig()
    sign_in: SignInConfig = SignInConfig()
    administrators: AdministratorsConfig = AdministratorsConfig()
    shares: SharesConfig = SharesConfig()
    log: LogConfig = LogConfig()


def load_config(path: Path | None = None) -> Config:
    """Read the configuration. Raises ConfigError with one ``file:line:column`` fault per line."""
    source = path or config_file()
    if path is None and not source.exists():
        return Config()
    return read_yaml(source, Config)
