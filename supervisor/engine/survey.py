"""Questions about the engine itself, as one who looks for faults asks them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Self

import aiodocker
import aiohttp

from supervisor.engine import labels
from supervisor.engine.docker_client import close_client, open_client
from supervisor.engine.docker_errors import NOT_FOUND, absence_is_fine, translated
from supervisor.engine.docker_image import read_image
from supervisor.errors import EngineError
from supervisor.host.image_contents import ImageContents

_OWNER = "doctor"
"""On the labels of containers that are made to see whether they can be: no daemon's instance id."""


class EngineSurvey:
    """One engine; an asynchronous context manager.

    All methods raise EngineUnreachableError when it does not answer, EngineError when it refuses.
    """

    def __init__(self, url: str, answer_seconds: float) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=answer_seconds)
        self._client: aiodocker.Docker | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await close_client(self._client)

    async def info(self) -> Mapping[str, Any]:
        """``GET /info``."""
        info: Mapping[str, Any] = await self._ask("info")
        return info

    async def version(self) -> Mapping[str, Any]:
        """``GET /version``."""
        version: Mapping[str, Any] = await self._ask("version")
        return version

    async def networks(self) -> Mapping[str, int]:
        """Names of bridge networks, and how many containers are on each."""
        found: dict[str, int] = {}
        for network in await self._ask("networks"):
            if network.get("Driver") == "bridge":
                whole = await self._ask(f"networks/{network['Id']}")
                found[str(network["Name"])] = len(whole.get("Containers") or {})
        return found

    async def find_image(self, reference: str) -> Mapping[str, Any] | None:
        """``GET /images/{name}/json``; ``None`` for one that is not here."""
        try:
            with translated():
                image: Mapping[str, Any] = await self._docker.images.inspect(reference)
        except EngineError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return image

    async def read_image(self, image_id: str) -> ImageContents:
        """What it holds of interest."""
        owner = f"{_OWNER}-{secrets.token_hex(3)}"
        with translated():
            return await read_image(self._docker, owner, image_id, self._timeout)

    async def try_container(self, body: Mapping[str, Any]) -> tuple[list[str], Mapping[str, Any]]:
        """Create a container, never start it, remove it: the engine's warnings, and what it made.

        Raises EngineError with what the engine says against it.
        """
        marked = {**body, "Cmd": ["/never-started"], "Labels": {labels.PROBE: "true"}}
        name = f"fx-probe-{_OWNER}-{secrets.token_hex(4)}"
        try:
            with translated():
                answer: Mapping[str, Any] = await self._docker._query_json(  # noqa: SLF001 drops warnings
                    "containers/create", method="POST", params={"name": name}, data=marked
                )
            made = await self._ask(f"containers/{name}/json")
        finally:
            with absence_is_fine(), translated():
                container = self._docker.containers.container(name)
                await container.delete(force=True, timeout=self._timeout)
        return list(answer.get("Warnings") or ()), made

    async def _ask(self, path: str) -> Any:  # noqa: ANN401 JSON
        with translated():
            return await self._docker._query_json(path)  # noqa: SLF001 not all of it has a call

    @property
    def _docker(self) -> aiodocker.Docker:
        """Made on first use: it belongs to the running event loop."""
        if self._client is None:
            self._client = open_client(self._url, self._timeout)
        return self._client
