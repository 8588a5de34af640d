"""The daemon as it is, on the engine in memory that the tests use: many sessions, no containers.

usage: python -m scripts.bench_lib.memory_daemon --runtime-dir DIR --containers FILE

An engine outlives its supervisor, and this one does not: ``FILE`` has a line
``SESSION_ID CONTAINER_ID`` for each container that is to be running from the start.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.app import serve
from supervisor.config import Config, load_config
from supervisor.engine import labels
from supervisor.engine.base import container_name
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import SessionId
from supervisor.ops.log import configure
from supervisor.places import config_directory, local_directory
from supervisor.settings import Places
from supervisor.template.spec import ContainerSpec
from tests.support.memory_engine import MemoryEngine
from tests.support.memory_host import MemoryHost

if TYPE_CHECKING:
    from supervisor.engine.base import Engine

IMAGE = "fx-perl-base:trixie"


def memory_engine(containers: Path, owner: str) -> Engine:
    """An engine on which these containers run."""
    host = MemoryHost()
    host.add_image(IMAGE)
    for line in containers.read_text().splitlines():
        session_id, container_id = line.split()
        spec = ContainerSpec(image=IMAGE, labels={labels.OWNER: owner, labels.SESSION: session_id})
        container = host.create(container_name(SessionId(session_id)), spec)
        container.container_id = container_id
        container.status = ContainerStatus.RUNNING
    return MemoryEngine(host, owner)


def main() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime-dir", type=Path, required=True)
    parser.add_argument("--containers", type=Path, required=True)
    options = parser.parse_args()
    config = load_config(None)
    configure(config.log.level, config.log.format)
    places = Places(config=config_directory(), local=local_directory(), run=options.runtime_dir)

    def engine_of(_config: Config, owner: str) -> Engine:
        return memory_engine(options.containers, owner)

    asyncio.run(serve(config, places, engine_of))


if __name__ == "__main__":
    main()
