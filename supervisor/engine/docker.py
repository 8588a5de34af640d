"""Docker Engine through aiodocker: the one module that knows either.

Event streams get a client each, for aiodocker's stream task outlives its stream and a second
subscription on the same client waits for ever. Requests share a client without a connection limit:
the default of 100 would let slow calls starve quick ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiodocker
import aiohttp
from aiodocker.channel import ChannelSubscriber
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from supervisor.engine import labels
from supervisor.engine.base import (
    ContainerRecord,
    EngineEvent,
    EngineEventKind,
    EngineVersion,
    container_name,
)
from supervisor.engine.docker_client import close_client, open_client
from supervisor.engine.docker_errors import (
    CONFLICT,
    NO_CONNECTION,
    NOT_FOUND,
    absence_is_fine,
    translated,
)
from supervisor.engine.docker_image import read_image
from supervisor.engine.docker_log import open_log
from supervisor.engine.docker_pull import pull
from supervisor.engine.docker_records import inspected_record, listed_record
from supervisor.engine.events import read_event
from supervisor.engine.live_restore import removes_survivors
from supervisor.engine.payload import container_body, extra_networks, limits_body
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.session import SessionId
from supervisor.template.spec import ContainerSpec

REMOVAL_POLL_SECONDS = 0.1


class DockerEngine:
    """The Engine Protocol (``base.Engine``) on one Docker Engine."""

    def __init__(self, url: str, owner: str, request_timeout_seconds: float) -> None:
        self._url = url
        self._owner = owner
        self._timeout = aiohttp.ClientTimeout(total=request_timeout_seconds, sock_connect=5)
        self._docker: aiodocker.Docker | None = None
        self._keeps: bool | None = None
        self._replaced: set[str] = set()
        """Containers that were never one of their session's: what becomes of them is no news."""

    async def version(self) -> EngineVersion:
        # Another engine may answer by now, or the same with other settings.
        self._keeps = None
        with translated():
            raw = await self._client.version()
        return EngineVersion(name="docker", version=raw["Version"], api_version=raw["ApiVersion"])

    async def find_image(self, reference: str) -> str | None:
        try:
            with translated():
                image: dict[str, Any] = await self._client.images.inspect(reference)
        except EngineError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return str(image["Id"])

    async def pull_image(
        self, reference: str, platform: str | None = None
    ) -> AsyncGenerator[float, None]:
        client = self._new_client()
        try:
            async with aclosing(pull(client, reference, platform)) as fractions:
                async for fraction in fractions:
                    yield fraction
        finally:
            await close_client(client)

    async def read_image(self, image_id: str) -> ImageContents:
        with translated():
            return await read_image(self._client, self._owner, image_id, self._timeout)

    async def tidy(self, created_before: float = math.inf) -> None:
        filters = json.dumps({"label": [f"{labels.OWNER}={self._owner}", labels.PROBE]})
        with translated():
            probes = await self._client.containers.list(all=1, filters=filters)
        for probe in probes:
            # A session's container has the label too, if its image says so.
            is_session = labels.SESSION in probe["Labels"]
            if probe["Created"] < created_before and not is_session:
                with absence_is_fine(), translated():
                    await probe.delete(force=True, v=True, timeout=self._timeout)

    async def launch(self, session_id: SessionId, spec: ContainerSpec) -> str:
        with translated():
            container, was_there = await self._create(session_id, spec)
            if was_there:
                if await self._has_started(container, spec):
                    return str(container.id)
                container, _ = await self._create(session_id, spec)
            await self._start(container, spec)
        return str(container.id)

    async def stop(self, session_id: SessionId, signal: str) -> None:
        """Does not wait for the end, which would hold a connection for the grace period."""
        with absence_is_fine(), translated():
            container = await self._ours(session_id)
            await container.kill(signal=signal, timeout=self._timeout)
            # The engine does so itself, but not for every signal.
            await _unpause(container)

    async def pause(self, session_id: SessionId) -> None:
        with absence_is_fine(), translated():
            await (await self._ours(session_id)).pause()

    async def unpause(self, session_id: SessionId) -> None:
        with absence_is_fine(), translated():
            await _unpause(await self._ours(session_id))

    async def update(self, session_id: SessionId, spec: ContainerSpec) -> None:
        with absence_is_fine(), translated():
            container = await self._ours(session_id)
            await self._client._query_json(  # noqa: SLF001 aiodocker has no call for it
                f"containers/{container.id}/update", method="POST", data=limits_body(spec)
            )

    async def find_container(self, session_id: SessionId) -> ContainerRecord | None:
        try:
            with translated():
                return inspected_record(session_id, await self._ours(session_id))
        except EngineError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def remove(self, session_id: SessionId) -> None:
        with absence_is_fine(), translated():
            container = await self._ours(session_id)
            try:
                await container.delete(force=True, v=True, timeout=self._timeout)
            except DockerError as error:
                if error.status != CONFLICT:
                    raise
                await self._absent(session_id)

    async def discard(self, container_id: str) -> None:
        with absence_is_fine(), translated():
            container = await self._client.containers.get(container_id)
            if not self._owns(container):
                message = f"The container {container_id[:12]} is not this supervisor's."
                raise EngineError(message)
            await container.delete(force=True, v=True, timeout=self._timeout)

    async def list_containers(self) -> Sequence[ContainerRecord]:
        filters = json.dumps({"label": [f"{labels.OWNER}={self._owner}", labels.SESSION]})
        with translated():
            listed = await self._client.containers.list(all=1, filters=filters)
            return [await listed_record(container) for container in listed]

    @asynccontextmanager
    async def read_log(
        self, session_id: SessionId, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        with translated():
            container = await self._ours(session_id)
        client = self._new_client()
        try:
            async with open_log(
                client,
                str(container.id),
                terminal=bool(container["Config"].get("Tty")),
                tail=tail,
                follow=follow,
                answer_seconds=self._timeout.total or 0,
            ) as pieces:
                yield pieces
        finally:
            await close_client(client)

    @asynccontextmanager
    async def watch(self, since: float) -> AsyncIterator[AsyncIterator[EngineEvent]]:
        client = self._new_client()
        subscriber: ChannelSubscriber = client.events.subscribe(create_task=False)  # type: ignore[no-untyped-call] # not annotated there
        filters = {
            "type": ["container"],
            "event": [kind.value for kind in EngineEventKind],
            "label": [f"{labels.OWNER}={self._owner}"],
        }
        reading = asyncio.create_task(
            client.events.run(since=f"{since:.9f}", filters=json.dumps(filters))
        )
        try:
            async with aclosing(_events(subscriber, reading)) as events:
                yield (each async for each in events if each.container_id not in self._replaced)
        finally:
            reading.cancel()
            try:
                await asyncio.wait([reading])
            finally:
                await close_client(client)

    async def close(self) -> None:
        if self._docker is not None:
            await close_client(self._docker)

    @property
    def _client(self) -> aiodocker.Docker:
        """Made on first use: it belongs to the running event loop."""
        if self._docker is None:
            self._docker = self._new_client()
        return self._docker

    def _new_client(self) -> aiodocker.Docker:
        return open_client(self._url, self._timeout)

    async def _ours(self, session_id: SessionId) -> DockerContainer:
        """The session's container. Another owner's of the same name is as good as none."""
        container = await self._client.containers.get(container_name(session_id))
        if not self._owns(container):
            message = f"There is no container of session {session_id}."
            raise EngineError(message, status=NOT_FOUND)
        return container

    async def _absent(self, session_id: SessionId) -> None:
        """Wait while somebody else's removal is under way: until it is over, it may fail."""
        async with asyncio.timeout(self._timeout.total):
            while True:
                # Raises once there is no such container.
                await self._ours(session_id)
                await asyncio.sleep(REMOVAL_POLL_SECONDS)

    def _owns(self, container: DockerContainer) -> bool:
        found = container["Config"]["Labels"] or {}
        return bool(found.get(labels.OWNER) == self._owner)

    async def _create(
        self, session_id: SessionId, spec: ContainerSpec
    ) -> tuple[DockerContainer, bool]:
        """The session's container; and whether it was there, by a call whose answer was lost."""
        name = container_name(session_id)
        body = container_body(spec)
        if await self._has_to_keep():
            body["HostConfig"]["AutoRemove"] = False
            body.setdefault("Labels", {})[labels.KEPT] = "true"
        try:
            return await self._client.containers.create(body, name=name), False
        except DockerError as error:
            if error.status != CONFLICT:
                raise
        try:
            container = await self._client.containers.get(name)
        except DockerError as error:
            if error.status != NOT_FOUND:
                raise
            message = (
                f"The engine has taken the name {name} for a container that is not there yet, or "
                "not any more: a request that was broken off is still being undone."
            )
            raise EngineUnreachableError(message, status=CONFLICT) from None
        if not self._owns(container):
            message = f"The name {name} is taken by a container that is not this supervisor's."
            raise EngineError(message)
        return container, True

    async def _has_started(self, container: DockerContainer, spec: ContainerSpec) -> bool:
        """Start what an earlier call made, if that can be: else it is gone, and nobody is told.

        An engine that died while it started a container can do nothing with it after.
        """
        try:
            await self._connect_networks(container, spec)
            await container.start()
        except DockerError as error:
            if error.status == NO_CONNECTION:
                raise
            # Before its end is told: it is not the session's.
            self._replaced.add(str(container.id))
            with contextlib.suppress(DockerError):
                await container.delete(force=True, v=True, timeout=self._timeout)
            return False
        return True

    async def _start(self, container: DockerContainer, spec: ContainerSpec) -> None:
        """Leave nothing behind when the engine refuses."""
        try:
            await self._connect_networks(container, spec)
            await container.start()
        except DockerError as error:
            if error.status != NO_CONNECTION:
                with contextlib.suppress(DockerError):
                    await container.delete(force=True, v=True, timeout=self._timeout)
            raise

    async def _has_to_keep(self) -> bool:
        """Whether containers must not be removed by the engine when they exit."""
        if self._keeps is None:
            self._keeps = removes_survivors(await self._client.system.info())
        return self._keeps

    async def _connect_networks(self, container: DockerContainer, spec: ContainerSpec) -> None:
        """All but those that a launch whose answer was lost has connected already."""
        wanted = extra_networks(spec)
        joined = (await container.show())["NetworkSettings"]["Networks"] if wanted else {}
        for network, endpoint in wanted:
            if network not in joined:
                found = await self._client.networks.get(network)
                await found.connect({"Container": container.id, "EndpointConfig": endpoint})


async def _unpause(container: DockerContainer) -> None:
    """An inspected container that is not frozen any more is what was wanted."""
    if not container["State"]["Paused"]:
        return
    try:
        await container.unpause()
    except DockerError:
        # Not paused is a failure like any other to the engine (500): only its state tells.
        if (await container.show())["State"]["Paused"]:
            raise


async def _events(
    subscriber: ChannelSubscriber, reading: asyncio.Task[None]
) -> AsyncGenerator[EngineEvent, None]:
    """Until the stream breaks; aiodocker says so with ``None``, and why in its task."""
    while (raw := await subscriber.get()) is not None:  # type: ignore[no-untyped-call] # likewise
        event = read_event(raw)
        if event is not None:
            yield event
    with translated():
        await reading
