"""A registry on loopback with one image, which can be made to stop in the middle of a pull.

Distribution API v2, as much of it as ``docker pull`` asks for: one manifest, its blobs.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.engine import docker

BALLAST_BYTES = 4 * 1024 * 1024

_TYPES = "application/vnd.docker"
_MANIFEST = f"{_TYPES}.distribution.manifest.v2+json"
_CONFIG = f"{_TYPES}.container.image.v1+json"
_LAYER = f"{_TYPES}.image.rootfs.diff.tar.gzip"


@dataclass(slots=True)
class Registry:
    """``reference`` is what to pull; the second half of ``held`` waits for ``released``."""

    manifest: bytes = b""
    blobs: dict[str, bytes] = field(default_factory=dict)
    reference: str = ""
    held: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Keep a blob; its descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"mediaType": media_type, "size": len(content), "digest": digest}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One endpoint for all: the version, the manifest, or a blob."""
        what, _, name = request.path.removeprefix("/v2/").removeprefix("image/").partition("/")
        if not what:
            return web.Response()
        if what == "manifests":
            return web.Response(body=self.manifest, content_type=_MANIFEST)
        content = self.blobs[name]
        response = web.StreamResponse()
        response.content_length = len(content)
        await response.prepare(request)
        half = len(content) // 2
        await response.write(content[:half])
        if name == self.held:
            await self.released.wait()
        await response.write(content[half:])
        return response


@asynccontextmanager
async def registry_of(image: str, scratch: Path) -> AsyncIterator[Registry]:
    """Serve a copy of a local image; what was pulled of it is removed again."""
    registry = Registry()
    archive = scratch / "image.tar"
    await docker("save", "-o", str(archive), image)
    await asyncio.to_thread(_read, registry, archive)
    application = web.Application()
    application.router.add_route("*", "/v2/{rest:.*}", registry.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry.reference = f"127.0.0.1:{runner.addresses[0][1]}/image:1"
    try:
        yield registry
    finally:
        registry.released.set()
        await runner.cleanup()
        if await docker("images", "-q", registry.reference):
            await docker("rmi", registry.reference)


def _read(registry: Registry, archive: Path) -> None:
    """The image with one more layer, or the engine would see that it has it already."""
    with tarfile.open(archive) as saved:

        def content(name: str) -> bytes:
            file = saved.extractfile(name)
            assert file is not None
            return file.read()

        (listed,) = json.loads(content("manifest.json"))
        config = json.loads(content(listed["Config"]))
        layers = [
            registry.add(gzip.compress(content(name), 1), _LAYER) for name in listed["Layers"]
        ]
    ballast = _ballast()
    config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(ballast).hexdigest()}")
    config["history"] = [{"created_by": "test"} for _ in config["rootfs"]["diff_ids"]]
    layers.append(registry.add(gzip.compress(ballast, 1), _LAYER))
    registry.held = layers[-1]["digest"]
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": registry.add(json.dumps(config).encode(), _CONFIG),
        "layers": layers,
    }
    registry.manifest = json.dumps(document).encode()


def _ballast() -> bytes:
    """A layer that nobody has."""
    noise = secrets.token_bytes(BALLAST_BYTES)
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as packed:
        member = tarfile.TarInfo("ballast")
        member.size = len(noise)
        packed.addfile(member, io.BytesIO(noise))
    return layer.getvalue()
