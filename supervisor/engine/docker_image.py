"""What an image holds, read through a container that is never started (ADR 0003).

An image can hold anything: of a file, however large, no more is read than can be of use.
"""

from __future__ import annotations

import io
import tarfile
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from supervisor.engine import labels
from supervisor.engine.docker_errors import CONFLICT, NOT_FOUND, absence_is_fine, translated
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.host.image_contents import ImageContents

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_PATH_ENTRIES = 64
_HEAD_BYTES = 64 * 1024
"""Of an archive; the head of its first member is in it."""
_TEXT_BYTES = 1024 * 1024
"""Of a file; some 15,000 users."""


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
            await container.delete(force=True, v=True, timeout=patience)


async def _probe(
    client: aiodocker.Docker, name: str, body: dict[str, Any], patience: aiohttp.ClientTimeout
) -> DockerContainer:
    with absence_is_fine(), translated():
        await client.containers.container(name).delete(force=True, v=True, timeout=patience)
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
    for directory in (paths[0] if paths else DEFAULT_PATH).split(":")[:_PATH_ENTRIES]:
        path = f"{directory or '/'}/perl".replace("//", "/")
        archive = await _read_archive(container, path, _HEAD_BYTES)
        member = None if archive is None else _first(archive, path)
        if member is not None and not member.isdir():
            return path
    return None


async def _read_text(container: DockerContainer, path: str) -> str:
    archive = await _read_archive(container, path, _HEAD_BYTES + _TEXT_BYTES)
    if archive is None:
        return ""
    member = _first(archive, path)
    if not member.isreg():
        return ""
    if member.size > _TEXT_BYTES:
        message = (
            f"The image's {path} has {member.size} bytes, and {_TEXT_BYTES} are read at most: "
            "make it smaller."
        )
        raise EngineError(message)
    text = archive[member.offset_data : member.offset_data + member.size]
    return text.decode("utf-8", "surrogateescape")


def _first(archive: bytes, path: str) -> tarfile.TarInfo:
    """The file that was asked for; its end may be missing."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            found = members.next()
    except tarfile.TarError:
        found = None
    if found is None:
        message = f"The image's {path} cannot be read: the engine sent no archive of it."
        raise EngineError(message)
    return found


async def _read_archive(container: DockerContainer, path: str, most_bytes: int) -> bytes | None:
    """The beginning of what the engine sends; ``None`` if there is no such file."""
    at, params = f"containers/{container.id}/archive", {"path": path}
    archive = bytearray()
    try:
        # aiodocker's own call would take all of it into memory.
        async with container.docker._query(at, params=params) as response:  # noqa: SLF001
            try:
                while len(archive) < most_bytes and (piece := await response.content.readany()):
                    archive += piece
            finally:
                response.close()
    except DockerError as error:
        if error.status == NOT_FOUND:
            return None
        raise
    return bytes(archive[:most_bytes])
