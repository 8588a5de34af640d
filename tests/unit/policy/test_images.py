"""Globs of images: whole references on both sides."""

from __future__ import annotations

import pytest

from supervisor.policy.images import is_allowed

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("glob", "reference"),
    [
        ("*", "anything/at:all"),
        ("debian", "debian"),
        ("debian", "docker.io/library/debian:12"),
        ("debian", f"debian@{DIGEST}"),
        ("debian:12", "debian:12"),
        ("docker.io/library/*", "debian:12"),
        ("registry.example.com/desktops/*", "registry.example.com/desktops/xfce/big:3"),
        ("registry.example.com:5000/*", "registry.example.com:5000/x:1"),
        ("*.example.com/*", "registry.example.com/x"),
        (f"*/*@{DIGEST}", f"registry.example.com/x@{DIGEST}"),
        ("fx-*", "fx-sample:bookworm"),
    ],
)
def test_what_a_glob_matches(glob: str, reference: str) -> None:
    """Tags and registries may be left out on both sides."""
    assert is_allowed(reference, (glob,))


@pytest.mark.parametrize(
    ("glob", "reference"),
    [
        ("debian", "debian-evil"),
        ("debian", "evil/debian"),
        ("debian", "evil.org/debian"),
        ("debian:12", "debian"),
        ("debian:12", "debian:123"),
        ("registry.example.com/*", "registry.example.com.evil.org/x"),
        ("registry.example.com/*", "evil.org/registry.example.com/x"),
        ("registry.example.com/*", "registry.example.com:5000/x"),
        ("registry.example.com*/x", "registry.example.com/evil/x"),
        (f"*/*@{DIGEST}", "registry.example.com/x:1"),
    ],
)
def test_what_a_glob_does_not_match(glob: str, reference: str) -> None:
    """Above all not what only looks like it."""
    assert not is_allowed(reference, (glob,))
