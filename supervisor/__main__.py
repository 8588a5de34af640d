"""``fx-supervisor [run] | check | schema config|template | version``.

Exit codes (sysexits.h): 0 ended in order, 2 wrong usage, 69 engine or store not available,
70 internal error, 74 the store is damaged (starting again begins another), 75 another daemon runs
here, 77 the engine's socket is not for this user, 78 configuration or a template is
wrong, or a newer version has written the store: it would be no better the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from supervisor import __version__
from supervisor.app import serve
from supervisor.check import check
from supervisor.config import load_config
from supervisor.errors import (
    AlreadyRunningError,
    ConfigError,
    EngineDeniedError,
    StoreDamagedError,
    StoreVersionError,
)
from supervisor.lifecycle.errors import SupervisorError
from supervisor.ops.log import configure, last_words
from supervisor.ops.service_manager import ServiceManager
from supervisor.places import config_directory, local_directory, run_directory
from supervisor.reference.schemas import SCHEMAS, schema_text
from supervisor.settings import Places

EXIT_UNAVAILABLE = 69
EXIT_INTERNAL = 70
EXIT_DAMAGED = 74
EXIT_ALREADY_RUNNING = 75
EXIT_DENIED = 77
EXIT_CONFIG = 78


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.command == "schema") != (options.schema is not None):
        parser.error("of which file? schema config, or schema template")
    if options.command in {"schema", "version"}:
        version = f"fx-supervisor {__version__}\n"
        print(schema_text(options.schema) if options.schema else version, end="")
        return 0
    try:
        if options.command == "check":
            return check(options.config)
        config = load_config(options.config)
        places = Places(
            config=config_directory(),
            local=local_directory(),
            run=run_directory(options.runtime_dir),
        )
        configure(config.log.level, config.log.format)
        manager = ServiceManager.from_environment(os.environ)
        read = partial(load_config, options.config)
        asyncio.run(serve(config, places, manager=manager, read=read))
    except SupervisorError as error:
        print(last_words(f"fx-supervisor: {error}"), file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 the last boundary: the log has it, the exit code says so
        structlog.get_logger(__name__).exception("supervisor_crashed")
        return EXIT_INTERNAL
    return 0


def _exit_code(error: SupervisorError) -> int:
    match error:
        case ConfigError() | StoreVersionError():
            return EXIT_CONFIG
        case AlreadyRunningError():
            return EXIT_ALREADY_RUNNING
        case EngineDeniedError():
            return EXIT_DENIED
        case StoreDamagedError():
            return EXIT_DAMAGED
        case _:
            return EXIT_UNAVAILABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fx-supervisor",
        description="Runs users' graphical sessions in containers.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "check", "schema", "version"),
        default="run",
        help="run the daemon (default); check configuration and templates; print a JSON Schema; "
        "print the version",
    )
    parser.add_argument(
        "schema",
        nargs="?",
        choices=tuple(SCHEMAS),
        help="with schema: of supervisor.yaml, or of launcher templates",
    )
    parser.add_argument(
        "--config",
        type=Path,
        help="configuration file (default: $FX_CONFIG_DIR/supervisor.yaml)",
    )
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        help="sockets and session files (default: $RUNTIME_DIRECTORY or /run/fastx-supervisor)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
