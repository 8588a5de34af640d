"""A pull through aiodocker (``POST /images/create``), with the credentials of the daemon's user."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import aiodocker
import aiohttp

from supervisor.engine.credentials import RegistryLogin, registry_login
from supervisor.engine.docker_errors import translated
from supervisor.engine.pull import Pulling, PullProgress
from supervisor.engine.registry_names import full_reference
from supervisor.errors import EngineUnreachableError


async def pull(
    client: aiodocker.Docker, reference: str, platform: str | None
) -> AsyncGenerator[float, None]:
    """The fraction that is here, at each sign of life. Raises as Engine.pull_image does.

    ``client`` is for this pull alone.
    """
    login = await registry_login(reference)
    progress = PullProgress()
    pulling = Pulling(reference=reference, advice=login.advice, progress=progress)
    with translated(pulling=pulling), _answers_closed(client.session):
        async for line in _lines(client, reference, platform, login):
            if progress.take(line):
                yield progress.fraction
    if not progress.finished:
        # aiodocker takes a connection that was reset for the end of the stream.
        message = f"The connection to the engine broke during the pull of {reference}."
        raise EngineUnreachableError(message)


def _lines(
    client: aiodocker.Docker, reference: str, platform: str | None, login: RegistryLogin
) -> AsyncIterator[dict[str, Any]]:
    if login.auth is None:
        return client.images.pull(reference, platform=platform, stream=True)
    # With credentials aiodocker insists on a registry in the reference, and sends its name in place
    # of the server's (wrong for Docker Hub) unless there is an identitytoken, be it empty.
    auth = {"identitytoken": "", **login.auth}
    return client.images.pull(full_reference(reference), auth=auth, platform=platform, stream=True)


@contextmanager
def _answers_closed(session: aiohttp.ClientSession) -> Iterator[None]:
    """Close answers that are not read to their end, which aiodocker does not.

    The engine would go on pulling for as long as one is open.
    """
    answers: list[aiohttp.ClientResponse] = []

    async def keep(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        ended: aiohttp.TraceRequestEndParams,
    ) -> None:
        answers.append(ended.response)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(keep)
    trace.freeze()
    session.trace_configs.append(trace)
    try:
        yield
    finally:
        for answer in answers:
            answer.close()
