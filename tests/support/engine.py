"""The engine as an administrator sees it: through ``docker``, never through the product."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from typing import Any

LABEL = "com.fastx.supervisor"
SECONDS = 60.0


class DockerFailedError(Exception):
    """The command said no."""


async def docker(*arguments: str, **environment: str) -> str:
    """Run it; standard output. Raises DockerFailedError."""
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        output, complaint = await process.communicate()
    if process.returncode:
        raise DockerFailedError(f"docker {' '.join(arguments)}: {complaint.decode()}")
    return output.decode(errors="surrogateescape")


async def containers(label: str, value: str) -> list[str]:
    """Ids of all containers with ``com.fastx.supervisor.LABEL=VALUE``, running or not."""
    listed = await docker("ps", "-aq", "--no-trunc", "--filter", f"label={LABEL}.{label}={value}")
    return listed.split()


async def inspect(container: str) -> dict[str, Any]:
    """Everything the engine knows of it."""
    found: list[dict[str, Any]] = json.loads(await docker("inspect", container))
    return found[0]


async def run_in(container: str, *command: str) -> str:
    """Execute a command inside; what it prints, without the last line break."""
    return (await docker("exec", container, *command)).removesuffix("\n")


def engine_socket() -> str:
    """Path of the socket that the engine listens on."""
    url = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    assert url.startswith("unix://"), "these tests need an engine on a Unix socket"
    return url.removeprefix("unix://")
