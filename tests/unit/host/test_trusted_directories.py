"""The daemon does not work in a directory that somebody else could change under it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.errors import ConfigError
from supervisor.host.instance import sole_use


def refused(directory: Path) -> str:
    """What is said of a directory that is not used."""
    with (
        pytest.raises(ConfigError, match="--runtime-dir") as error,
        sole_use(directory, "--runtime-dir"),
    ):
        pass
    return str(error.value)


def test_a_directory_for_everybody(tmp_path: Path) -> None:
    """Anybody could put a link in the place of a session's file."""
    tmp_path.chmod(0o1777)
    assert "Everybody can write" in refused(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="giving away takes root")
def test_a_directory_of_somebody_else(tmp_path: Path) -> None:
    """Its owner could do the same."""
    os.chown(tmp_path, 12345, 12345)
    assert "belongs to uid 12345, and fx-supervisor runs as uid 0" in refused(tmp_path)


def test_a_lock_that_is_a_link(tmp_path: Path) -> None:
    """What it points to is not written."""
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run" / "lock").symlink_to(tmp_path / "precious")
    refused(tmp_path / "run")
    assert (tmp_path / "precious").read_text() == "precious"
