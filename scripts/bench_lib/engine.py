"""The floor and the peer: the same container started by bare Engine API calls and by the CLI."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp

SOCKET = "/var/run/docker.sock"
API = "http://docker/v1.41"


class BareEngine:
    """Docker's API with nothing in between but HTTP."""

    def __init__(self) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(SOCKET, limit=0))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def launch(self, name: str, body: dict[str, Any]) -> float:
        """Create and start; returns the seconds it took."""
        begun = time.perf_counter()
        async with self._http.post(
            f"{API}/containers/create", params={"name": name}, json=body
        ) as answer:
            created = await answer.json()
            if answer.status != 201:
                raise RuntimeError(created["message"])
        async with self._http.post(f"{API}/containers/{created['Id']}/start") as answer:
            answer.raise_for_status()
        return time.perf_counter() - begun

    async def remove(self, name: str) -> None:
        """Force away and wait until it is gone."""
        async with self._http.delete(f"{API}/containers/{name}", params={"force": "true"}):
            pass
        while await self._exists(name):
            await asyncio.sleep(0.05)

    async def _exists(self, name: str) -> bool:
        async with self._http.get(f"{API}/containers/{name}/json") as answer:
            return answer.status == 200


def cli_arguments(name: str, body: dict[str, Any]) -> list[str]:
    """The same container as ``docker run -d`` arguments."""
    program, *rest = body["Entrypoint"]
    return [
        *("run", "-d", "--rm", "--init", "--name", name, "--user", body["User"]),
        *_host_arguments(body["HostConfig"]),
        *(f"--env={variable}" for variable in body.get("Env") or ()),
        *(f"--label={key}={value}" for key, value in body["Labels"].items()),
        *("--entrypoint", program, body["Image"], *rest),
    ]


def _host_arguments(host: dict[str, Any]) -> list[str]:
    arguments: list[str] = []
    for mount in host["Mounts"]:
        kind, target = mount["Type"], mount["Target"]
        read_only = ",readonly" if mount.get("ReadOnly") else ""
        arguments += ["--mount", f"type={kind},source={mount['Source']},target={target}{read_only}"]
    for target, options in host.get("Tmpfs", {}).items():
        arguments += ["--tmpfs", f"{target}:{options}" if options else target]
    for key, flag in (("CapDrop", "--cap-drop"), ("SecurityOpt", "--security-opt")):
        for value in host.get(key) or ():
            arguments += [flag, value]
    for key, flag in (
        ("Memory", "--memory"),
        ("PidsLimit", "--pids-limit"),
        ("ShmSize", "--shm-size"),
    ):
        if host.get(key):
            arguments += [flag, str(host[key])]
    if host.get("NanoCpus"):
        arguments += ["--cpus", str(host["NanoCpus"] / 1e9)]
    if host.get("NetworkMode"):
        arguments += ["--network", host["NetworkMode"]]
    return arguments


async def cli_launch(name: str, body: dict[str, Any]) -> float:
    """``docker run -d``; returns the seconds it took."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "docker",
        *cli_arguments(name, body),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(complaint.decode())
    return time.perf_counter() - begun


def write_json(path: Path, figures: object) -> None:
    """Figures for programs."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
