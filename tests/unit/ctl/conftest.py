"""A daemon for each test, and the program with its socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.ctl.daemon import Daemon, Result, fxctl


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests."""
    ours = ("FX_SOCKET", "FX_TOKEN_FILE", "FX_CA_FILE", "FX_DEBUG")
    for name in (*ours, "NO_COLOR", "FORCE_COLOR", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The daemon's log does not go to the stdout of fxctl: here they are one process."""
    with capture_logs():
        yield


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Up, in a directory whose path leaves room for a socket's name (unix(7): 108 bytes)."""
    directory = Path(tempfile.mkdtemp(prefix="fx-ctl-"))
    with Daemon(directory) as running:
        yield running
    shutil.rmtree(directory)


@pytest.fixture
def run(daemon: Daemon) -> Callable[..., Result]:
    """``fxctl`` with that daemon's socket."""
    return partial(fxctl, socket=daemon.socket)
