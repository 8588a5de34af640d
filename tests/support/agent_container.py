"""The session agent alone, in containers as bare as docs/agent-protocol.md allows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.agent_relay import AgentRelay
from tests.support.engine import docker
from tests.support.surroundings import given

AGENT = Path(__file__).parents[2] / "agent"
UID = 12345
"""Nobody's on the host, and in no image's ``/etc/passwd``."""
DEADLINE_SECONDS = 30.0
"""For all that happens to one container; a second or two are usual."""
RUN_LABEL = "com.fastx.supervisor.agent-test"

_TOKEN = "token-of-the-test"
_RELAY = "/run/fastx/relay"
_HOME = "/home/alice"
_COMMAND = ("/usr/bin/perl", "/opt/fastx/agent/bin/fx-session")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContainer:
    """One container that runs the agent, and the relay it reports to."""

    container: str
    relay: AgentRelay
    home: Path
    """The user's home, as the host sees it."""

    async def exit_code(self) -> int:
        """Wait for the end of the agent."""
        return int(await docker("wait", self.container))

    async def signal(self, name: str) -> None:
        """Send a signal to the container, as the engine does to stop it."""
        await docker("kill", "--signal", name, self.container)

    async def log(self) -> str:
        """All that was printed so far: the agent's lines and the command's output."""
        process = await asyncio.create_subprocess_exec(
            "docker", "logs", self.container, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return (await process.communicate())[0].decode(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStage:
    """Where containers with the agent are started; all bear the label of one test run."""

    bundle: Path
    perl_base: str
    """An image of another Debian release that holds nothing but perl-base."""
    sample: str
    """An image with X applications."""
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def of_environment(cls) -> AgentStage:
        """What ``scripts/test`` has prepared. Raises LookupError: no reason to skip."""
        return cls(
            bundle=Path(given("FX_TEST_BUNDLE_DIR")).resolve(),
            perl_base=given("FX_TEST_IMAGE_PERL_BASE"),
            sample=given("FX_TEST_IMAGE_SAMPLE"),
        )

    @contextlib.asynccontextmanager
    async def session(
        self,
        command: str | list[str],
        *,
        image: str | None = None,
        deaf: bool = False,
        **settings: object,
    ) -> AsyncIterator[AgentContainer]:
        """Start the agent (``perl_base`` unless told), remove its container after the block.

        ``settings`` go into session.json as they are. Nothing listens where it is ``deaf``. The
        block has ``DEADLINE_SECONDS``; an error in it is told together with what the agent said.
        """
        with tempfile.TemporaryDirectory(prefix="fx-agent-") as made:
            folder = Path(made)
            relay = _furnish(folder, {"command": command, **settings})
            async with contextlib.nullcontext() if deaf else relay.listening():
                container = await self._run(folder, image or self.perl_base)
                session = AgentContainer(container=container, relay=relay, home=folder / "home")
                try:
                    async with asyncio.timeout(DEADLINE_SECONDS):
                        yield session
                except BaseException as error:
                    error.add_note(f"callbacks: {relay.callbacks}\nlog: {await session.log()}")
                    raise
                finally:
                    await docker("rm", "--force", "--volumes", container)
            assert relay.unauthorized == []

    async def left(self) -> list[str]:
        """Ids of the run's containers that are still there, whatever their state."""
        return (await docker("ps", "-aq", "--filter", f"label={RUN_LABEL}={self.run}")).split()

    async def _run(self, folder: Path, image: str) -> str:
        runtime = f"/run/user/{UID}"
        options = (
            *("--init", "--read-only", "--network=none", "--cap-drop=ALL"),
            *("--security-opt=no-new-privileges", f"--user={UID}:{UID}"),
            *(f"--label={RUN_LABEL}={self.run}", f"--env=XDG_RUNTIME_DIR={runtime}"),
            *("--tmpfs=/tmp", f"--tmpfs={runtime}:uid={UID},gid={UID},mode=0700,size=1m"),
            f"--volume={AGENT}:/opt/fastx/agent:ro",
            f"--volume={self.bundle}:/opt/fastx/bundle:ro",
            f"--volume={folder}/session:/run/fastx/session:ro",
            f"--volume={folder}/relay:{_RELAY}:ro",
            f"--volume={folder}/home:{_HOME}",
        )
        return (await docker("run", "--detach", *options, image, *_COMMAND)).strip()


def _furnish(folder: Path, settings: dict[str, object]) -> AgentRelay:
    relay, session, home = (folder / name for name in ("relay", "session", "home"))
    for made in (relay, session, home):
        made.mkdir()
    # To give it to the user would take root.
    home.chmod(0o777)
    parameters = {
        "session": f"test-{secrets.token_hex(8)}",
        "user": "alice",
        "home": _HOME,
        "token": _TOKEN,
        "relay": {name: f"unix:{_RELAY}/{name}.sock" for name in ("session", "display")},
        "heartbeat_seconds": 0,
        **settings,
    }
    (session / "session.json").write_text(json.dumps(parameters))
    return AgentRelay(relay, _TOKEN)
