"""One engine at a time: the fake in memory, and the real one behind a socket that can be cut."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import aiodocker
import pytest
import pytest_asyncio
from aiodocker.containers import DockerContainer
from aiodocker.networks import DockerNetwork
from prometheus_client import CollectorRegistry

from supervisor.engine import labels
from supervisor.engine.base import Engine, container_name
from supervisor.engine.docker import DockerEngine
from supervisor.engine.measured import MeasuredEngine
from supervisor.lifecycle.session import SessionId
from supervisor.ops.instruments import Instruments
from supervisor.reactor.ulid import UlidSource
from supervisor.template.spec import ContainerSpec, Networking
from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.memory_engine import MemoryEngine
from tests.support.memory_host import MemoryHost, Program

IDS = UlidSource()

# Programs: what the fake is told of them stands beside what the real engine executes.
WAIT = ("/usr/bin/perl", "-e", '$| = 1; $SIG{TERM} = sub { exit 7 }; print "up\\n"; sleep while 1')
EXIT_3 = ("/usr/bin/perl", "-e", "exit 3")
SAY = r'$| = 1; print "one\n"; print STDERR "two\n"; print "three\n"; $SIG{TERM} = sub { exit }; '
TALK = ("/usr/bin/perl", "-e", f"{SAY} sleep while 1")
NOT_THERE = ("/no/such/program",)
PROGRAMS = {
    WAIT: Program(on_signal={"SIGTERM": 7}),
    EXIT_3: Program(exits_at_once=3),
    TALK: Program(prints=b"one\ntwo\nthree\n", on_signal={"SIGTERM": 0}),
    NOT_THERE: Program(starts=False),
}


class Subject(Protocol):
    """An engine under test, and what has to be done behind its back."""

    image: str
    image_without_perl: str
    owner: str

    @property
    def engine(self) -> Engine:
        """The engine as our supervisor has it."""

    def engine_of(self, owner: str) -> Engine:
        """Another supervisor's view of the same host."""

    async def go_away(self) -> None:
        """Break every connection to the engine, and let nobody in."""

    async def come_back(self) -> None:
        """Let everybody in again."""

    async def names(self) -> set[str]:
        """Names of all containers of this test, whoever's they are."""

    async def create_only(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """Create a container and do not start it."""

    async def run_stray(self, name: str, spec: ContainerSpec) -> str:
        """Run a container under a name of its own, as an administrator would; its id."""

    async def kill_outside(self, session_id: SessionId) -> None:
        """Kill and remove the container with the session's name, as an administrator would."""

    async def add_network(self) -> str:
        """A network of this test's own; its name."""

    async def is_up(self, session_id: SessionId) -> bool:
        """Whether the container's program has got so far that it listens to signals."""


def specification(
    subject: Subject,
    session_id: SessionId,
    **changes: Any,  # noqa: ANN401 fields have types of their own
) -> ContainerSpec:
    """A small container of a session; ``changes`` replace fields."""
    spec = ContainerSpec(
        image=subject.image,
        entrypoint=WAIT,
        labels={labels.OWNER: subject.owner, labels.SESSION: session_id},
        networking=Networking(mode="none"),
    )
    return replace(spec, **changes)


class InMemory:
    """The fake."""

    image = "perl-base"
    image_without_perl = "no-perl"

    def __init__(self) -> None:
        self.owner = "ours"
        self.host = MemoryHost()
        self.host.programs.update(PROGRAMS)
        self.host.add_image(self.image)
        self.host.add_image(self.image_without_perl, perl=None)
        self.engine = MemoryEngine(self.host, self.owner)

    def engine_of(self, owner: str) -> Engine:
        """See Subject."""
        return MemoryEngine(self.host, owner)

    async def go_away(self) -> None:
        """See Subject."""
        self.engine.go_away()

    async def come_back(self) -> None:
        """See Subject."""
        self.engine.come_back()

    async def names(self) -> set[str]:
        """See Subject."""
        return set(self.host.containers)

    async def create_only(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """See Subject."""
        self.host.create(container_name(session_id), spec)

    async def run_stray(self, name: str, spec: ContainerSpec) -> str:
        """See Subject."""
        stray = self.host.create(name, spec)
        self.host.start(stray)
        return stray.container_id

    async def kill_outside(self, session_id: SessionId) -> None:
        """See Subject."""
        found = self.host.named(session_id)
        assert found is not None
        self.host.remove(found)

    async def add_network(self) -> str:
        """See Subject. The fake has nothing to connect."""
        return "any"

    async def is_up(self, session_id: SessionId) -> bool:
        """See Subject."""
        return self.host.named(session_id) is not None


class RealDocker:
    """The real one. Everything of a test carries its run's own label, and is removed by it."""

    image = os.environ.get("FX_TEST_IMAGE_PERL_BASE", "fx-perl-base:trixie")
    image_without_perl = os.environ.get("FX_TEST_IMAGE_NO_PERL", "fx-no-perl:bookworm")

    def __init__(self, proxy: EngineProxy, admin: aiodocker.Docker) -> None:
        self._proxy = proxy
        self._admin = admin
        self.owner = f"contract-{secrets.token_hex(6)}"
        self._engines: list[DockerEngine] = []
        self._networks: list[DockerNetwork] = []
        # As the daemon has it: what is measured has to keep the contract as well.
        recorder = Instruments(CollectorRegistry())
        self.engine: Engine = MeasuredEngine(self._engine(self.owner), recorder)

    def _engine(self, owner: str) -> DockerEngine:
        engine = DockerEngine(self._proxy.url, owner, request_timeout_seconds=20.0)
        self._engines.append(engine)
        return engine

    def engine_of(self, owner: str) -> Engine:
        """See Subject."""
        return self._engine(owner)

    async def go_away(self) -> None:
        """See Subject."""
        await self._proxy.cut()

    async def come_back(self) -> None:
        """See Subject."""
        await self._proxy.mend()

    async def names(self) -> set[str]:
        """See Subject."""
        return {name.removeprefix("/") for each in await self._all() for name in each["Names"]}

    async def create_only(self, session_id: SessionId, spec: ContainerSpec) -> None:
        """See Subject."""
        await self._create(container_name(session_id), spec)

    async def run_stray(self, name: str, spec: ContainerSpec) -> str:
        """See Subject."""
        stray = await self._create(f"{self.owner}-{name}", spec)
        await stray.start()
        return str(stray.id)

    async def _create(self, name: str, spec: ContainerSpec) -> DockerContainer:
        body: dict[str, Any] = {
            "Image": spec.image,
            "Entrypoint": list(spec.entrypoint),
            "Labels": dict(spec.labels),
        }
        return await self._admin.containers.create(body, name=name)

    async def kill_outside(self, session_id: SessionId) -> None:
        """See Subject."""
        await self._admin.containers.container(container_name(session_id)).delete(force=True)

    async def add_network(self) -> str:
        """See Subject."""
        name = f"{self.owner}-{len(self._networks)}"
        self._networks.append(await self._admin.networks.create({"Name": name}))
        return name

    async def is_up(self, session_id: SessionId) -> bool:
        """See Subject."""
        container = self._admin.containers.container(container_name(session_id))
        return "up\n" in "".join(await container.log(stdout=True))

    async def clean(self) -> None:
        """Close every engine; remove what the test has left, and see that it is gone."""
        for engine in self._engines:
            await engine.close()
        for each in await self._all():
            await self._admin.containers.container(each["Id"]).delete(force=True)
        async with asyncio.timeout(20):
            while await self._all():
                await asyncio.sleep(0.05)
        for network in self._networks:
            await network.delete()

    async def _all(self) -> list[dict[str, Any]]:
        """Ours, and those of other owners that the test has invented from ours."""
        listed = await self._admin.containers.list(all=1)
        found = [container._container for container in listed]
        return [
            each
            for each in found
            if (each["Labels"] or {}).get(labels.OWNER, "").startswith(self.owner)
        ]


@asynccontextmanager
async def real_docker() -> AsyncIterator[RealDocker]:
    """The real engine, with nothing of the test left afterwards."""
    # Short, for the path of a Unix socket has but 107 bytes.
    with tempfile.TemporaryDirectory(prefix="fxc-") as directory:
        async with engine_proxy(Path(directory) / "docker.sock") as proxy:
            admin = aiodocker.Docker()
            subject = RealDocker(proxy, admin)
            try:
                yield subject
            finally:
                await subject.clean()
                await admin.close()


@pytest_asyncio.fixture(
    params=["memory", pytest.param("docker", marks=pytest.mark.engine)],
)
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each test runs once on either engine."""
    if request.param == "memory":
        yield InMemory()
    else:
        async with real_docker() as real:
            yield real


@pytest.fixture
def session_id() -> SessionId:
    """A session of its own for each test."""
    return IDS.next()


@pytest.fixture
def began_at() -> float:
    """When the test began, for ``watch``."""
    return time.time()
