"""A Docker Engine of its own, for being killed; the machine's is never touched.

It lives in a network namespace of its own (its bridge and its rules are nobody else's), with its
own containerd, data, sockets and control group. The data stay in the cache between runs, so that
images are there; everything else is gone when it is closed, also what a killed run has left.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from scripts.chaos_lib.processes import (
    ChaosError,
    cgroup_children,
    frozen_children,
    in_cgroup,
    kill,
    remove_cgroup,
    run,
    thaw_cgroup,
    unmount_below,
    until,
    with_argument,
)

READY_SECONDS = 90.0
STOP_SECONDS = 120.0

_CONTAINERD = """\
version = 2
root = "{data}/containerd"
state = "{run}/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{run}/containerd.sock"
"""


class PrivateEngine:
    """``start`` and ``kill`` it as often as needed; made by ``private_engine``."""

    def __init__(self, data: Path) -> None:
        name = f"fx-chaos-{hashlib.sha256(str(data).encode()).hexdigest()[:6]}"
        self.name = name
        self.data = data
        # Short, for the path of a Unix socket has but 107 bytes.
        self.run = Path("/run") / name
        self.log = self.run / "engine.log"
        self._containerd: asyncio.subprocess.Process | None = None
        self._dockerd: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """What DOCKER_HOST has to be."""
        return f"unix://{self.run}/docker.sock"

    async def docker(self, *arguments: str, within_seconds: float = 120.0) -> str:
        """Run the engine's command line. Raises ChaosError."""
        return await run("docker", "-H", self.url, *arguments, within_seconds=within_seconds)

    async def start(self, *, live_restore: bool = False) -> None:
        """Begin a life, and wait until it answers."""
        if self._containerd is None or self._containerd.returncode is not None:
            self._containerd = await self._spawn("containerd", "--config", str(self._config()))
        options = ["--live-restore"] if live_restore else []
        self._dockerd = await self._spawn(
            *("dockerd", "--data-root", f"{self.data}/docker", "--exec-root", f"{self.run}/exec"),
            *("--pidfile", f"{self.run}/dockerd.pid", "-H", self.url, "--group", "docker"),
            *("--containerd", f"{self.run}/containerd.sock", "--log-level", "warn"),
            *("--cgroup-parent", f"/{self.name}", "--exec-opt", "native.cgroupdriver=cgroupfs"),
            *options,
        )
        await self._answers()

    async def stop(self) -> None:
        """End dockerd in order. Without live-restore it ends its containers."""
        await self._end(self._dockerd, signal.SIGTERM)

    async def kill(self, *, containerd: bool = True) -> None:
        """End it as a crash would; containers run on, for their shims do."""
        await self._end(self._dockerd, signal.SIGKILL)
        if containerd:
            await self._end(self._containerd, signal.SIGKILL)

    async def cut_power(self) -> None:
        """Kill all of it at once: dockerd, containerd, shims, and what runs in containers."""
        await self.kill()
        # Shims have its address, and nobody else who lives.
        kill(with_argument(f"{self.run}/containerd.sock"))
        await self._kill_contents()
        # They do not outlive the power.
        remove_cgroup(self.name)

    def cgroups(self) -> set[str]:
        """Ids of the containers in whose control group something runs."""
        return cgroup_children(self.name)

    def frozen(self) -> set[str]:
        """Ids of the containers that the kernel has frozen, whatever the engine knows of it."""
        return frozen_children(self.name)

    async def prepare(self) -> None:
        """Make its network, and do away with what an earlier run has left."""
        await self._clear()
        for directory in (self.data, self.run):
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Its socket is here; who may use that, its group says.
        self.run.chmod(0o755)
        await run("ip", "netns", "add", self.name)
        await run("nsenter", f"--net=/run/netns/{self.name}", "ip", "link", "set", "lo", "up")

    async def load(self, *images: str) -> None:
        """Have the machine's images here; those that are here already cost nothing."""
        for image in images:
            wanted = (await run("docker", "image", "inspect", "-f", "{{.Id}}", image)).strip()
            with suppress(ChaosError):
                if (
                    await self.docker("image", "inspect", "-f", "{{.Id}}", image)
                ).strip() == wanted:
                    continue
            pipe = f"docker save {image} | docker -H {self.url} load"
            await run("bash", "-o", "pipefail", "-c", pipe, within_seconds=600)

    async def remove_containers(self) -> None:
        """All of them, whoever's they are."""
        if left := (await self.docker("ps", "-aq")).split():
            await self.docker("rm", "-f", *left)

    async def close(self, keep: Path) -> None:
        """End all of it; of the data, images stay. Its log goes to ``keep``."""
        for process in (self._dockerd, self._containerd):
            with suppress(ChaosError, TimeoutError):
                await self._end(process, signal.SIGTERM)
        if self.log.exists():
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.log, keep)
        await self._clear()

    async def _end(
        self, process: asyncio.subprocess.Process | None, number: signal.Signals
    ) -> None:
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _clear(self) -> None:
        """Processes, mounts, control groups, network, directories: none of this run or another."""
        inside = f"{self.run}/"
        kill(with_argument(inside))
        await until(lambda: not list(with_argument(inside)), f"nothing runs in {self.run}")
        await self._kill_contents()
        for place in (self.run, self.data):
            await unmount_below(place)
        remove_cgroup(self.name)
        with suppress(ChaosError):
            await run("ip", "netns", "delete", self.name)
        shutil.rmtree(self.run, ignore_errors=True)

    async def _kill_contents(self) -> None:
        def none_left() -> bool:
            left = in_cgroup(self.name)
            kill(left)
            thaw_cgroup(self.name)
            return not left

        await until(none_left, f"the control group {self.name} is empty")

    def _config(self) -> Path:
        path = self.run / "containerd.toml"
        path.write_text(_CONTAINERD.format(data=self.data, run=self.run))
        return path

    async def _spawn(self, *command: str) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                # Whatever kills this script, its engine does not outlive it.
                *("setpriv", "--pdeathsig", "KILL"),
                # Not `ip netns exec`, which mounts another /sys: without control groups.
                *("nsenter", f"--net=/run/netns/{self.name}", *command),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the script, which ends it in order
            )

    async def _answers(self) -> None:
        process = self._dockerd
        try:
            async with asyncio.timeout(READY_SECONDS):
                while process is not None and process.returncode is None:
                    with suppress(ChaosError, TimeoutError):
                        await self.docker("version", within_seconds=10)
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass
        text = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise ChaosError(f"the private engine did not start; its last words:\n{text}")


@asynccontextmanager
async def private_engine(cache: Path, keep: Path, *images: str) -> AsyncIterator[PrivateEngine]:
    """One that runs and holds ``images``; one at a time per cache directory."""
    data = cache / "chaos"
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        _require_sole_use(lock)
        engine = PrivateEngine(data / "engine")
        try:
            await engine.prepare()
            await engine.start()
            await engine.remove_containers()
            await engine.load(*images)
            yield engine
        finally:
            await engine.close(keep)


def _require_sole_use(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ChaosError(f"another run of this script holds {lock.name}: wait for it") from None
