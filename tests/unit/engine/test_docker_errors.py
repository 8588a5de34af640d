"""Vendor errors become ours: what can be retried, what a session ends with, what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest
from aiodocker.exceptions import DockerError, DockerStreamError

from supervisor.engine.docker_errors import translated
from supervisor.engine.pull import Pulling, PullProgress
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


def pulling(*lines: dict[str, Any]) -> Pulling:
    """A pull of which so much has come."""
    progress = PullProgress()
    for line in lines:
        progress.take(line)
    return Pulling(reference="r/x:1", advice="Log in.", progress=progress)


HALF = {"id": "a", "status": "Downloading", "progressDetail": {"current": 50, "total": 100}}


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("manifest unknown", ". Is image: right in the template?"),
        ("Get x: dial tcp: lookup r: no such host", ". Can this host reach the registry?"),
        ("no space left on device", ". The engine's disk is full"),
        ("something else.", None),
    ],
)
@pytest.mark.parametrize("kind", [DockerStreamError, partial(DockerError, 500)])
def test_a_refused_pull(kind: Callable[[str], DockerError], said: str, advice: str | None) -> None:
    """Whatever the registry said, the image is named; what can be done about it is told."""
    with pytest.raises(ImagePullError) as error, translated(pulling=pulling()):
        raise kind(said)
    assert error.value.reason is Reason.IMAGE_PULL_FAILED
    expected = f"The image r/x:1 could not be pulled: {said}"
    if advice is None:
        assert str(error.value) == expected
    else:
        assert str(error.value).startswith(expected + advice)


async def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    """Where it was looked for and what the system said, and nothing of how we got to know it."""
    socket = f"unix://{tmp_path}/docker.sock"
    async with aiodocker.Docker(url=socket, api_version="v1.41") as client:
        with pytest.raises(EngineUnreachableError) as error, translated():
            await client.version()
    where = f"Cannot connect to Docker Engine via {socket}"
    assert str(error.value).endswith(f"({where}: No such file or directory)")


def test_a_pull_that_breaks_off() -> None:
    """How far it had come is told."""
    with pytest.raises(ImagePullError, match="r/x:1 broke off at 35%: unexpected EOF"):  # noqa: SIM117
        with translated(pulling=pulling(HALF)):
            raise DockerStreamError("unexpected EOF")


@pytest.mark.parametrize(
    "said",
    [
        'Head "http://127.0.0.1:5000/v2/x/manifests/1": no basic auth credentials',
        "unauthorized: authentication required",
        "pull access denied for r/x, repository does not exist or may require 'docker login'",
        "error parsing HTTP 403 response body: 403 Forbidden",
        "toomanyrequests: You have reached your pull rate limit.",
    ],
)
def test_a_pull_with_the_wrong_credentials(said: str) -> None:
    """What to do about it is told in that case alone."""
    with pytest.raises(ImagePullError, match=r"[^.]\. Log in\.$"), translated(pulling=pulling()):
        raise DockerError(500, said)


@pytest.mark.parametrize("pulls", [True, False])
def test_a_registry_cannot_talk_without_end(*, pulls: bool) -> None:
    """The engine passes a whole page on; a session's message goes to every reader of events."""
    with pytest.raises(EngineError) as error, translated(pulling=pulling() if pulls else None):
        raise DockerError(500, "error parsing HTTP 403 response body: " + "x" * 10_000_000)
    assert "HTTP 403" in str(error.value)
    assert len(str(error.value)) < 2200


def test_a_signed_address_is_a_secret() -> None:
    """A registry may send the engine elsewhere, with an address that lets anybody in."""
    said = 'Get "https://blobs.example/x?sig=abc&se=2030": dial tcp: connection refused'
    with pytest.raises(ImagePullError) as error, translated(pulling=pulling()):
        raise DockerStreamError(said)
    assert 'Get "https://blobs.example/x?...": dial tcp: connection' in str(error.value)


def test_a_pull_without_an_engine() -> None:
    """An engine that goes away during a pull is an absent engine, no refusal."""
    with pytest.raises(EngineUnreachableError), translated(pulling=pulling(HALF)):
        raise DockerError(900, "Cannot connect")


def test_defects_pass() -> None:
    """What no vendor raised is not dressed up."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
