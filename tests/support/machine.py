"""A host of its own for tests: systemd in a container, with an engine inside.

The engine is nested since a mount's path has to mean the same to the daemon and to its engine.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.support.engine import DockerFailedError, docker
from tests.support.eventually import eventually

COMMAND_SECONDS = 90.0
UNIT = "fx-supervisor.service"
SOCKETS = "fx-supervisor.socket"

# systemd mounts and makes control groups; `--privileged` would give it the host's devices as well.
_CONFINEMENT = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup"),
    *("--tmpfs", "/run", "--tmpfs", "/tmp"),
)


class CommandFailedError(Exception):
    """A command inside of the machine has failed; the message has its output."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that is up."""

    name: str

    async def run(self, *command: str, stdin: bytes = b"") -> str:
        """Run a command as root inside; what it prints. Raises CommandFailedError."""
        process = await asyncio.create_subprocess_exec(
            *("docker", "exec", "--interactive", self.name, *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        async with asyncio.timeout(COMMAND_SECONDS):
            output, complaint = await process.communicate(stdin)
        if process.returncode:
            text = f"{' '.join(command)}: {process.returncode}: {(output + complaint).decode()}"
            raise CommandFailedError(text)
        return output.decode()

    async def sh(self, script: str) -> str:
        """Run a shell script as root inside; what it prints, complaints included."""
        return await self.run("bash", "-ec", f"exec 2>&1; {script}")

    async def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Put a file there, and the directories that lead to it."""
        command = ("install", "-D", "-m", mode, "/dev/stdin", path)
        await self.run(*command, stdin=text.encode())

    async def properties(self, unit: str = UNIT) -> Mapping[str, str]:
        """All that systemd says of a unit."""
        lines = (await self.run("systemctl", "show", unit)).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    async def until_unit(self, unit: str = UNIT, **properties: str) -> Mapping[str, str]:
        """Wait until systemd says this of the unit; all that it says then."""
        seen: Mapping[str, str] = {}

        async def reached() -> bool:
            nonlocal seen
            seen = await self.properties(unit)
            return all(seen[name] == value for name, value in properties.items())

        try:
            await eventually(reached, f"{unit} is {properties}")
        except AssertionError as error:
            told = {name: seen.get(name) for name in (*properties, "SubState", "StatusText")}
            raise AssertionError(f"{error}; it is {told}\n{await self.journal()}") from None
        return seen

    async def fxctl(self, *arguments: str) -> Any:  # noqa: ANN401 any JSON
        """What it answers, as JSON."""
        return json.loads(await self.run("fxctl", "--json", *arguments))

    async def journal(self, *options: str) -> str:
        """What the daemon, and systemd about it, have logged."""
        return await self.run("journalctl", "--no-pager", "-u", UNIT, *options)

    async def load(self, image: str) -> None:
        """Give the machine's engine an image of this host."""
        saving = await asyncio.create_subprocess_shell(
            f"docker save {image} | docker exec --interactive {self.name} docker load --quiet",
            stdout=subprocess.DEVNULL,
        )
        async with asyncio.timeout(COMMAND_SECONDS):
            assert await saving.wait() == 0, f"{image} cannot be loaded"


@asynccontextmanager
async def running_machine(image: str, *mounts: str) -> AsyncIterator[Machine]:
    """A machine that has booted, with these ``SOURCE:TARGET:ro``; afterwards nothing of it is left.

    Its engine's data are in a volume: overlayfs does not go on top of overlayfs.
    """
    name = f"fx-machine-{secrets.token_hex(4)}"
    volumes = [word for mount in mounts for word in ("--volume", mount)]
    data = ("--volume", f"{name}:/var/lib/docker")
    try:
        await docker(
            *("run", "--detach", "--name", name, "--hostname", "fx-machine"),
            *_CONFINEMENT,
            *data,
            *volumes,
            image,
        )
        machine = Machine(name)
        await eventually(lambda: _has_booted(machine), "the machine has booted")
        yield machine
        await _stop_engine(machine)
    finally:
        await docker("rm", "--force", "--volumes", name)
        with suppress(DockerFailedError):
            await docker("volume", "rm", name)


async def _has_booted(machine: Machine) -> bool:
    try:
        # In the end or "degraded", which is for a test to judge.
        state = await machine.run("sh", "-c", "systemctl is-system-running || true")
        await machine.run("docker", "version")
    except CommandFailedError:
        return False
    return state.strip() in {"running", "degraded"}


async def _stop_engine(machine: Machine) -> None:
    """Its containers have control groups on this host, which go with them."""
    await machine.run("sh", "-c", "docker ps --all --quiet | xargs --no-run-if-empty docker rm -f")
