"""Which registry a reference means, and where its credentials stand."""

from __future__ import annotations

import pytest

from supervisor.engine.registry_names import entry_of, full_reference, registry_of, server_of

HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("reference", "registry", "full"),
    [
        ("debian", "docker.io", "docker.io/library/debian"),
        ("debian:12", "docker.io", "docker.io/library/debian:12"),
        ("debian@sha256:ab", "docker.io", "docker.io/library/debian@sha256:ab"),
        ("user/private:1", "docker.io", "docker.io/user/private:1"),
        ("docker.io/user/private:1", "docker.io", "docker.io/user/private:1"),
        ("docker.io/debian", "docker.io", "docker.io/library/debian"),
        ("index.docker.io/debian:12", "docker.io", "docker.io/library/debian:12"),
        ("localhost/x", "localhost", "localhost/x"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", "127.0.0.1:5000/a/b:1"),
        ("ghcr.io/a/b@sha256:ab", "ghcr.io", "ghcr.io/a/b@sha256:ab"),
        ("Registry/x", "Registry", "Registry/x"),
    ],
)
def test_the_registry_of_a_reference(reference: str, registry: str, full: str) -> None:
    """The engine's own rules: what looks like a host is one, everything else is Docker Hub's."""
    assert registry_of(reference) == registry
    assert full_reference(reference) == full


def test_docker_hub_has_a_name_of_its_own() -> None:
    """``docker login`` writes it as a URL; every other registry by its host."""
    assert server_of("docker.io") == HUB
    assert server_of("ghcr.io") == "ghcr.io"


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        (HUB, "docker.io"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("https://registry-1.docker.io/v2/", "docker.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("https://ghcr.io/v1/", "ghcr.io"),
        ("ghcr.io/", "ghcr.io"),
    ],
)
def test_entries_are_found_by_any_of_the_names(name: str, registry: str) -> None:
    """Older versions of docker, and other programs, write URLs where docker writes a host."""
    assert entry_of({"other.io": 1, name: 2}, registry) == 2
    assert entry_of({name: 2}, "other.io") is None
    assert entry_of({name: 1, server_of(registry): 2}, registry) == 2


def test_another_port_is_another_registry() -> None:
    """Nobody gets credentials that were meant for somebody else on the same host."""
    assert entry_of({"127.0.0.1:5000": 1}, "127.0.0.1:5001") is None
    assert entry_of({"127.0.0.1": 1}, "127.0.0.1:5001") is None
    assert entry_of({"ghcr.io.evil.example": 1}, "ghcr.io") is None
