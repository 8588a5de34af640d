"""What an image holds, read through a container that is never started (ADR 0003)."""

from __future__ import annotations

import tarfile
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from supervisor.engine import labels
from supervisor.engine.docker_errors import CONFLICT, NOT_FOUND, absence_is_fine, translated
from supervisor.errors import EngineUnreachableError
from supervisor.host.image_contents import ImageContents

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def read_image(
    client: aiodocker.Docker, owner: str, image_id: str, patience: aiohttp.ClientTimeout
) -> ImageContents:
    """Its perl and its user database. Raises DockerError, EngineUnreachableError."""
    image: dict[str, Any] = await client.images.inspect(image_id)
    body: dict[str, Any] = {
        "Image": image_id,
        "Cmd": ["/never-started"],
        "Labels": {labels.OWNER: owner, labels.PROBE: "true"},
        "NetworkDisabled": True,
    }
    # Named after the image, so that one left by an attempt that was cut short is replaced.
    name = f"fx-probe-{owner}-{image_id.removeprefix('sha256:')[:12]}"
    container = await _probe(client, name, body, patience)
    try:
        contents = ImageContents(
            image_id=image_id,
            perl=await _find_perl(container, image),
            passwd=await _read_text(container, "/etc/passwd"),
            group=await _read_text(container, "/etc/group"),
        )
        # A container pruned meanwhile has no files either, which is no news of the image.
        await _require(container)
        return contents
    finally:
        # Somebody else may be about it at the same time.
        with absence_is_fine(), translated():
            await container.delete(force=True, timeout=patience)


async def _probe(
    client: aiodocker.Docker, name: str, body: dict[str, Any], patience: aiohttp.ClientTimeout
) -> DockerContainer:
    with absence_is_fine(), translated():
        await client.containers.container(name).delete(force=True, timeout=patience)
    try:
        return await client.containers.create(body, name=name)
    except DockerError as error:
        if error.status != CONFLICT:
            raise
        message = f"The engine is still at an earlier request for {name}; it is asked again."
        raise EngineUnreachableError(message) from error


async def _require(container: DockerContainer) -> None:
    """Raise EngineUnreachableError, so that it is tried again, if the container is gone."""
    try:
        await container.show()
    except DockerError as error:
        if error.status != NOT_FOUND:
            raise
        message = "The container for reading the image was removed meanwhile; it is read again."
        raise EngineUnreachableError(message) from error


async def _find_perl(container: DockerContainer, image: dict[str, Any]) -> str | None:
    """The first perl on the image's PATH, as the engine's own look-up would find it."""
    environment = (image.get("Config") or {}).get("Env") or []
    paths = [entry.removeprefix("PATH=") for entry in environment if entry.startswith("PATH=")]
    for directory in (paths[0] if paths else DEFAULT_PATH).split(":"):
        path = f"{directory or '/'}/perl".replace("//", "/")
        if await _read_archive(container, path) is not None:
            return path
    return None


async def _read_text(container: DockerContainer, path: str) -> str:
    archive = await _read_archive(container, path)
    if archive is None:
        return ""
    with archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isreg() else None
        return "" if file is None else file.read().decode("utf-8", "surrogateescape")


async def _read_archive(container: DockerContainer, path: str) -> tarfile.TarFile | None:
    try:
        return await container.get_archive(path)
    except DockerError as error:
        if error.status == NOT_FOUND:
            return None
        raise
