"""A host to install on: a container of a whole Debian system, thrown away afterwards."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.engine import docker

SECONDS = 400.0
"""For a whole installation on a busy machine."""


@dataclass(frozen=True, slots=True)
class Host:
    """One that runs."""

    name: str

    @classmethod
    @asynccontextmanager
    async def running(cls, image: str, shown: Mapping[Path, str]) -> AsyncIterator[Self]:
        """Start one that sees directories of this machine, read-only, at the places given."""
        name = f"fx-host-{secrets.token_hex(4)}"
        mounts = [f"--volume={source}:{place}:ro" for source, place in shown.items()]
        await docker(
            *("run", "--detach", "--rm", "--init", "--name", name, "--network=none", *mounts),
            *("--entrypoint=sleep", image, "infinity"),
        )
        try:
            yield cls(name)
        finally:
            await docker("rm", "--force", name)

    async def sh(self, script: str) -> str:
        """Run as root; what it prints, complaints included. Raises AssertionError with that."""
        status, said = await self._run(script)
        assert status == 0, f"{script}: {said}"
        return said

    async def refused(self, script: str) -> str:
        """Run what has to fail; what it prints."""
        status, said = await self._run(script)
        assert status != 0, f"{script}: {said}"
        return said

    async def exists(self, path: str) -> bool:
        """Whether there is something of that name."""
        status, _ = await self._run(f"test -e {path} -o -L {path}")
        return status == 0

    async def _run(self, script: str) -> tuple[int, str]:
        started = await asyncio.create_subprocess_exec(
            *("docker", "exec", self.name, "bash", "-ec", f"exec 2>&1; {script}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(SECONDS):
            said, _ = await started.communicate()
        assert started.returncode is not None
        return started.returncode, said.decode()
