"""``fx-portal check``: whether the configuration is right, and all parts are there."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path

from portal.certificate import tls_context
from portal.config import Config, Network
from portal.errors import ConfigError
from portal.sign_in.pam import library

_SHADOW = Path("/etc/shadow")
_PAM_DIRECTORIES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_NEEDED = (
    *(f"pages/{name}.html" for name in ("home", "screen", "admin", "sign-in")),
    "vendor/novnc/core/rfb.js",
)


def faults(config: Config, static: Path) -> list[str]:
    """What keeps the portal from running, one sentence each."""
    found = []
    for look in (_require_tls, _require_pam):
        try:
            look(config)
        except ConfigError as error:
            found.append(str(error))
    if missing := [name for name in _NEEDED if not (static / name).is_file()]:
        found.append(
            f"{static}: there is no {', no '.join(missing)}. In a checkout, scripts/setup fetches "
            "what the pages take from npm; a package is to be installed again."
        )
    sign_in = config.sign_in
    if not (sign_in.pam.enabled or sign_in.link.enabled or sign_in.header.name):
        found.append("sign_in: nobody could sign in: pam, link and header are all off.")
    if sign_in.header.name and not config.listen.trusted_proxies:
        found.append("sign_in.header.name: listen.trusted_proxies names nobody who may send it.")
    return found


def notes(config: Config) -> list[str]:
    """Worth a word; the portal runs all the same."""
    listen, found = config.listen, []
    if not config.upstream.socket.exists():
        found.append(f"upstream.socket: there is no {config.upstream.socket} at the moment.")
    if config.sign_in.pam.enabled and not os.access(_SHADOW, os.R_OK):
        found.append(
            f"sign_in.pam: who runs this may not read {_SHADOW}: PAM cannot check passwords of "
            "this host's own users (it can those of a directory, by sssd). Put the portal's user "
            "into the group shadow."
        )
    if config.sign_in.header.name and any(map(_has_loopback, listen.proxy_networks)):
        found.append(
            "sign_in.header: listen.trusted_proxies has loopback, where every user of this host "
            "can say that they are anybody. Use listen.socket, and 'unix'."
        )
    exposed = listen.port is not None and listen.host not in {"127.0.0.1", "::1", "localhost"}
    if exposed and listen.certificate_file is None:
        found.append(
            f"listen.host: {listen.host} is reached in clear: passwords can be read on the way. "
            "Set certificate_file, or let nobody but a proxy reach it."
        )
    return found


def _has_loopback(network: Network) -> bool:
    return any(network.overlaps(each) for each in _LOOPBACK)


def _require_tls(config: Config) -> None:
    tls_context(config.listen)


def _require_pam(config: Config) -> None:
    pam = config.sign_in.pam
    if not pam.enabled:
        return
    library()
    if not any((directory / pam.service).is_file() for directory in _PAM_DIRECTORIES):
        raise ConfigError(
            f"sign_in.pam.service: there is no /etc/pam.d/{pam.service}. Make one (of two lines: "
            "'@include common-auth' and '@include common-account'), or set pam.enabled to false."
        )
