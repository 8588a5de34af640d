"""The whole daemon on an engine in memory, as a process: what is generated may start anything.

usage: python -m tests.fuzz.daemon --runtime-dir DIR
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from supervisor.app import serve
from supervisor.config import Config, load_config
from supervisor.engine.base import Engine
from supervisor.ops.log import configure
from supervisor.places import config_directory, local_directory
from supervisor.settings import Places
from tests.fuzz.unix_http import UnixAdapter
from tests.support.eventually import eventually
from tests.support.lines import whole_lines
from tests.support.memory_engine import MemoryEngine
from tests.support.memory_host import MemoryHost

IMAGE = "fx-any:image"
URL = "http://fx"
END_SECONDS = 20

TEMPLATE = f"""
image: {IMAGE}
command: ${{start.command:-xterm}}
params:
  cores: {{type: number, min: 0.5, max: 4, default: 1, changeable: true}}
  theme: {{type: choice, choices: [light, dark], default: light}}
  project: {{type: string, max_length: 32, default: none}}
  memory: {{type: size, min: 64m, max: 1g, default: 256m}}
cpus: ${{start.params.cores}}
mem_limit: ${{start.params.memory}}
environment:
  THEME: ${{start.params.theme}}
  PROJECT: ${{start.params.project}}
  EXTRA: ${{extra.anything:-none}}
session: {{startup_timeout: 1h}}
"""


class FuzzedDaemon:
    """The process, and how to speak to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = directory / "run"
        self.web = self._session("web.sock")
        self.agents = self._session("relay/session.sock")

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log so far."""
        return [json.loads(line) for line in whole_lines(self.directory / "log").splitlines()]

    def start(self, user: str) -> str:
        """Start a session that waits for its agent; its id."""
        answer = self.web.post(f"{URL}/v1/sessions", json={"user": user}, timeout=10)
        assert answer.status_code == 202, answer.text
        session_id: str = answer.json()["id"]
        return session_id

    def token(self, session_id: str) -> str | None:
        """The token of its agent, once there is one."""
        path = self.run / "sessions" / session_id / "session.json"
        try:
            token: str = json.loads(path.read_text())["token"]
        except (FileNotFoundError, ValueError):
            return None
        return token

    def phase(self, session_id: str) -> str:
        """Where it stands."""
        phase: str = self.web.get(f"{URL}/v1/sessions/{session_id}", timeout=10).json()["phase"]
        return phase

    def is_ready(self) -> bool:
        """Whether it takes sessions."""
        try:
            return self.web.get(f"{URL}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def _session(self, socket: str) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", UnixAdapter(self.run / socket))
        return session


@contextmanager
def fuzzed_daemon(directory: Path, bundle: Path) -> Iterator[FuzzedDaemon]:
    """One that is ready; it has to end in order whatever it went through."""
    daemon = FuzzedDaemon(directory)
    templates = directory / "etc" / "launcher-templates"
    templates.mkdir(parents=True)
    (templates / "docker.tpl").write_text(TEMPLATE)
    config = {
        "agent": {"bundle": str(bundle)},
        "log": {"format": "json"},
        # Nothing of what is started ever says that it is ready.
        "limits": {"concurrent_starts": 100_000},
    }
    (directory / "etc" / "supervisor.yaml").write_text(json.dumps(config))
    for made in (daemon.run, directory / "local"):
        made.mkdir()
    places = {"FX_CONFIG_DIR": str(directory / "etc"), "FX_LOCAL_DIR": str(directory / "local")}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 ourselves
            [sys.executable, "-m", "tests.fuzz.daemon", "--runtime-dir", str(daemon.run)],
            env=os.environ | places,
            stderr=log,
        )
    try:
        asyncio.run(eventually(daemon.is_ready, "the daemon is ready"))
        yield daemon
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime-dir", type=Path, required=True)
    options = parser.parse_args()
    config = load_config(None)
    configure(config.log.level, config.log.format)
    places = Places(config=config_directory(), local=local_directory(), run=options.runtime_dir)

    def engine_of(_config: Config, owner: str) -> Engine:
        host = MemoryHost()
        host.add_image(IMAGE)
        return MemoryEngine(host, owner)

    asyncio.run(serve(config, places, engine_of))


if __name__ == "__main__":
    main()
