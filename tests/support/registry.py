"""A real registry on loopback: Debian's ``docker-registry``, with users, on a port of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.engine import docker
from tests.support.eventually import eventually

USER = "puller"
LAYER_BYTES = (500_000, 1_500_000, 2_000_000)
"""Layers of the test image beside those of its base."""

# Perl's crypt is the system's, which knows bcrypt; Python's is on its way out.
_BCRYPT = r'chomp(my $p = <STDIN>); print crypt($p, q{$2b$04$} . "abcdefghijklmnopqrstuu")'


@dataclass(frozen=True, slots=True)
class Registry:
    """One that runs."""

    port: int
    password: str
    """Of USER."""

    @property
    def address(self) -> str:
        """HOST:PORT. The engine wants no TLS of 127.0.0.0/8."""
        return f"127.0.0.1:{self.port}"

    @property
    def auth(self) -> str:
        """USER and password as ``config.json`` has them."""
        return base64.b64encode(f"{USER}:{self.password}".encode()).decode()


def write_docker_config(directory: Path, document: Mapping[str, Any]) -> Path:
    """Write a ``config.json`` that others may read as well."""
    directory.mkdir(exist_ok=True)
    path = directory / "config.json"
    path.write_text(json.dumps(document))
    return path


@asynccontextmanager
async def running_registry(
    directory: Path, storage: Path, auth: Mapping[str, Any] | None = None
) -> AsyncIterator[Registry]:
    """A registry with its configuration and log in ``directory``; USER may do everything."""
    password = secrets.token_urlsafe(16)
    htpasswd = directory / "htpasswd"
    htpasswd.write_text(f"{USER}:{await _bcrypt(password)}\n")
    config = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": "127.0.0.1:0"},
        "auth": auth or {"htpasswd": {"realm": "tests", "path": str(htpasswd)}},
    }
    (directory / "registry.yml").write_text(json.dumps(config))
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL"),
            *("docker-registry", "serve", str(directory / "registry.yml")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await eventually(lambda: _listening(directory / "log", process), "the registry listens")
        (port,) = _listening(directory / "log", process)
        yield Registry(port, password)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def push_image(registry: Registry, name: str, base: str, directory: Path) -> None:
    """Push ``base`` with layers that nobody has as ``NAME:1``; nothing of it stays here."""
    (directory / "Dockerfile").write_text(
        f"FROM {base}\n" + "".join(f"ADD noise{n} /noise{n}\n" for n, _ in enumerate(LAYER_BYTES))
    )
    for n, size in enumerate(LAYER_BYTES):
        (directory / f"noise{n}").write_bytes(os.urandom(size))
    reference = f"{registry.address}/{name}:1"
    login = write_docker_config(
        directory / "docker", {"auths": {registry.address: {"auth": registry.auth}}}
    )
    try:
        # The classic builder is the one that every engine has.
        await docker(
            *("build", "--quiet", "--force-rm", "--tag", reference, str(directory)),
            DOCKER_BUILDKIT="0",
        )
        await docker("--config", str(login.parent), "push", "--quiet", reference)
    finally:
        await remove_tag(reference)


async def remove_tag(reference: str) -> None:
    """Take an image's name from the engine, and with it whatever has no other name."""
    if await docker("images", "-q", reference):
        await docker("rmi", "--force", reference)


def _listening(log: Path, process: asyncio.subprocess.Process) -> list[int]:
    """The port that it chose itself, once it has."""
    text = log.read_text()
    assert process.returncode is None, f"the registry has ended:\n{text}"
    return [int(port) for port in re.findall(r"listening on 127\.0\.0\.1:(\d+)", text)]


async def _bcrypt(password: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "perl", "-e", _BCRYPT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate(password.encode())
    assert output.startswith(b"$2b$"), "perl's crypt knows no bcrypt"
    return output.decode()
