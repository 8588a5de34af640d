"""The ways in which aiodocker, aiohttp and the Engine API fail, as ours: vendor errors end here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import aiohttp.http_exceptions
from aiodocker.exceptions import DockerError

from supervisor.engine.pull import Pulling
from supervisor.errors import (
    EngineDeniedError,
    EngineError,
    EngineUnreachableError,
    ImageNotFoundError,
    ImagePullError,
    MountMissingError,
)

NO_CONNECTION = 900
"""The status that aiodocker gives an error of its own: no connection to the engine."""

NOT_FOUND = 404
CONFLICT = 409

_DENIED = (
    "The Docker socket may not be used by this user: is the user in group docker? "
    "(usermod -aG docker fastx, then restart the service)"
)
_UNREACHABLE = (
    "The Docker Engine does not answer: is it running (systemctl status docker), and is "
    "engine.host (or DOCKER_HOST) right?"
)

_MISSING_SOURCE = "bind source path does not exist"
"""What the engine says of a mount without a source; it has no code for it (daemon/volumes)."""

_LOGIN_WANTED = re.compile(
    r"unauthorized|denied|no basic auth credentials|authentication required|forbidden"
    r"|toomanyrequests",
    re.IGNORECASE,
)
"""What registries say to the wrong caller. The engine passes it on as it comes, with status 500."""

_PULL_ADVICE = (
    (r"no space left", "The engine's disk is full; docker system df shows what it holds."),
    (
        r"not found|manifest unknown|no matching manifest|name unknown",
        "Is image: right in the template? docker pull {reference} tries it.",
    ),
    (
        r"dial |lookup |timeout|exceeded|refused|reset|x509|tls:|EOF",
        "Can this host reach the registry? docker pull {reference} tries it.",
    ),
)
"""By what the engine or the registry says, in this order; of anything else we know no more."""

_QUERY = re.compile(r"\?[^\s\"']*")
"""Of a URL. A registry that keeps its blobs elsewhere signs there, and anybody may use it."""

_MOST_CHARACTERS = 2000
"""Of the engine's own words; they become a session's message, which every reader of events gets."""

_BROKEN = (
    aiohttp.ClientError,
    aiohttp.http_exceptions.HttpProcessingError,
    json.JSONDecodeError,
    TimeoutError,
    ConnectionError,
)
"""An answer that did not come, or cannot be read: a line of events over 512 KiB, half an object."""


@contextmanager
def translated(*, pulling: Pulling | None = None) -> Iterator[None]:
    """Raise EngineError and its kin for whatever aiodocker raises inside."""
    try:
        yield
    except DockerError as error:
        raise _from_status(error, pulling) from error
    except _BROKEN as error:
        detail = f" ({type(error).__name__}: {error})" if str(error) else ""
        raise EngineUnreachableError(_UNREACHABLE + detail) from error
    except PermissionError as error:
        raise EngineDeniedError(_DENIED) from error


def _from_status(error: DockerError, pulling: Pulling | None) -> EngineError:
    if len(error.message) > _MOST_CHARACTERS:
        # A registry's answer may be in it, of any length.
        error = DockerError(error.status, error.message[:_MOST_CHARACTERS] + "...")
    if error.status == NO_CONNECTION:
        if "ermission denied" in error.message:
            return EngineDeniedError(_DENIED)
        return EngineUnreachableError(f"{_UNREACHABLE} ({_without_wrapping(error)})")
    if pulling is not None:
        return _pull_refused(pulling, error.message)
    if _MISSING_SOURCE in error.message:
        source = error.message.rpartition(":")[2].strip()
        message = (
            f"A mount of the template has no source on this host: {source} does not exist. "
            "Create it, or correct volumes: in the template."
        )
        return MountMissingError(message, status=error.status)
    if error.status == NOT_FOUND and "No such image" in error.message:
        return ImageNotFoundError(error.message, status=error.status)
    return EngineError(f"The Docker Engine refused: {error.message}", status=error.status)


def _without_wrapping(error: DockerError) -> str:
    """Where the engine was looked for and what the system said, without what two libraries add."""
    cause = error.__cause__ or error.__context__
    if not isinstance(cause, aiohttp.ClientConnectorError) or not cause.strerror:
        return error.message
    return f"{error.message.partition(' [')[0]}: {cause.strerror}"


def _pull_refused(pulling: Pulling, said: str) -> EngineError:
    if pulling.progress.begun:
        at = pulling.progress.fraction
        what = f"The pull of the image {pulling.reference} broke off at {at:.0%}"
    else:
        what = f"The image {pulling.reference} could not be pulled"
    message = f"{what}: {_QUERY.sub('?...', said)}"
    if advice := _pull_advice(pulling, said):
        message = f"{message.rstrip('.')}. {advice}"
    return ImagePullError(message)


def _pull_advice(pulling: Pulling, said: str) -> str:
    if _LOGIN_WANTED.search(said):
        return pulling.advice
    fitting = (text for pattern, text in _PULL_ADVICE if re.search(pattern, said, re.IGNORECASE))
    return next(fitting, "").format(reference=pulling.reference)


@contextmanager
def absence_is_fine() -> Iterator[None]:
    """Stopping or removing what is not there, or is just going, has the result that was wanted."""
    try:
        yield
    except EngineError as error:
        if error.status not in (NOT_FOUND, CONFLICT):
            raise
