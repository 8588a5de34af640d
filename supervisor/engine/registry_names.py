"""What registries are called: in an image's reference, in ``config.json``, by the engine. Pure.

Docker Hub has a name for each of them (distribution/reference, docker/cli ``cli/registry``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

DOCKER_HUB = "docker.io"
_HUB_SERVER = "https://index.docker.io/v1/"
_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


def registry_of(reference: str) -> str:
    """The registry that an image's reference names, as host or host:port."""
    first, slash, _ = reference.partition("/")
    is_host = slash and (
        first == "localhost" or "." in first or ":" in first or first.lower() != first
    )
    return DOCKER_HUB if not is_host or first in _HUB_HOSTS else first


def full_reference(reference: str) -> str:
    """The reference with its registry: ``debian:12`` is ``docker.io/library/debian:12``."""
    first, _, rest = reference.partition("/")
    if registry_of(reference) != DOCKER_HUB:
        return reference
    path = rest if first in _HUB_HOSTS else reference
    return f"{DOCKER_HUB}/{path}" if "/" in path else f"{DOCKER_HUB}/library/{path}"


def server_of(registry: str) -> str:
    """What a registry is called in ``config.json`` and by credential helpers."""
    return _HUB_SERVER if registry == DOCKER_HUB else registry


def entry_of(entries: Mapping[str, T], registry: str) -> T | None:
    """By the name that docker writes; else by host, as other programs and older ones write it."""
    exact = entries.get(server_of(registry))
    if exact is not None:
        return exact
    hosts = _HUB_HOSTS if registry == DOCKER_HUB else {registry}
    return next((entry for name, entry in entries.items() if _host(name) in hosts), None)


def _host(name: str) -> str:
    """Host and port of a URL, or of what is none."""
    return urlsplit(name).netloc if "://" in name else name.partition("/")[0]
