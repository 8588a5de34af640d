"""Vendor errors become ours: what can be retried, what a session ends with, what to do."""

from __future__ import annotations

import aiohttp
import pytest
from aiodocker.exceptions import DockerError, DockerStreamError

from supervisor.engine.docker_errors import translated
from supervisor.errors import (
    EngineDeniedError,
    EngineError,
    EngineUnreachableError,
    ImageNotFoundError,
    ImagePullError,
    MountMissingError,
)
from supervisor.lifecycle.session import Reason

SOURCE = 'invalid mount config for type "bind": bind source path does not exist: /home/al'


@pytest.mark.parametrize(
    ("raised", "becomes", "words"),
    [
        (DockerError(900, "Cannot connect"), EngineUnreachableError, "systemctl status docker"),
        (DockerError(900, "[Errno 13] Permission denied"), EngineDeniedError, "group docker"),
        (PermissionError(13, "denied"), EngineDeniedError, "group docker"),
        (TimeoutError(), EngineUnreachableError, "does not answer"),
        (ConnectionResetError("reset"), EngineUnreachableError, "reset"),
        (aiohttp.ServerDisconnectedError(), EngineUnreachableError, "does not answer"),
        (aiohttp.ClientPayloadError("cut"), EngineUnreachableError, "cut"),
        (DockerError(400, SOURCE), MountMissingError, "/home/al does not exist"),
        (DockerError(404, "No such image: x:1"), ImageNotFoundError, "x:1"),
        (DockerError(404, "No such container: x"), EngineError, "No such container"),
        (DockerError(500, "no space left"), EngineError, "no space left"),
    ],
)
def test_refusals(raised: Exception, becomes: type[EngineError], words: str) -> None:
    """Each error says what happened and what to do; only an absent engine is worth a retry."""
    with pytest.raises(EngineError, match=words) as error, translated():
        raise raised
    assert type(error.value) is becomes
    assert error.value.retryable == issubclass(becomes, EngineUnreachableError)
    assert error.value.__cause__ is raised


@pytest.mark.parametrize(
    "raised", [DockerError(404, "manifest unknown"), DockerStreamError("unauthorized")]
)
def test_a_refused_pull(raised: Exception) -> None:
    """Whatever the registry said, the image is named."""
    with pytest.raises(ImagePullError, match="r/x:1") as error, translated(pulling="r/x:1"):
        raise raised
    assert error.value.reason is Reason.IMAGE_PULL_FAILED


def test_a_pull_without_an_engine() -> None:
    """An engine that goes away during a pull is an absent engine, no refusal."""
    with pytest.raises(EngineUnreachableError), translated(pulling="x"):
        raise DockerError(900, "Cannot connect")


def test_defects_pass() -> None:
    """What no vendor raised is not dressed up."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
