"""``fx-portal [run] | check | link --user NAME | schema | version``.

Exit codes (sysexits.h): 0 ended in order, 2 wrong usage, 69 the state cannot be used, 70 internal
error, 78 the configuration is wrong, or a part is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from portal import __version__, check
from portal.app import Places, serve
from portal.config import Config, ListenConfig, load_config
from portal.errors import ConfigError, PortalError
from portal.log import configure
from portal.places import state_directory, static_directory
from portal.sign_in.links import Links
from portal.sign_in.users import find_user
from portal.store.directory import link_key

log = structlog.get_logger(__name__)

EXIT_UNAVAILABLE = 69
EXIT_INTERNAL = 70
EXIT_CONFIG = 78


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.command == "link") != (options.user is not None):
        parser.error("link needs --user NAME, and nothing else takes it")
    if options.no_confirm and options.command != "link":
        parser.error("--no-confirm goes with link")
    try:
        return _run(options)
    except ConfigError as error:
        print(_prefixed(error), file=sys.stderr)
        return EXIT_CONFIG
    except PortalError as error:
        print(_prefixed(error), file=sys.stderr)
        return EXIT_UNAVAILABLE
    except KeyboardInterrupt:
        return 130
    except Exception:
        log.exception("portal_crashed")
        return EXIT_INTERNAL


def _run(options: argparse.Namespace) -> int:
    if options.command == "version":
        print(f"fx-portal {__version__}")
        return 0
    if options.command == "schema":
        print(json.dumps(Config.model_json_schema(), indent=2))
        return 0
    config = load_config(options.config)
    match options.command:
        case "check":
            return _check(config)
        case "link":
            print(_link(config, options.user, asks=not options.no_confirm))
        case _:
            configure(config.log.level, config.log.format)
            for note in check.notes(config):
                log.warning("configuration_noted", note=note)
            _require_order(config)
            places = Places(state_directory(), static_directory())
            asyncio.run(serve(config, lambda: _read_again(options.config), places))
    return 0


def _read_again(path: Path | None) -> Config:
    """Raises ConfigError."""
    config = load_config(path)
    _require_order(config)
    return config


def _require_order(config: Config) -> None:
    """Raise ConfigError with all that keeps the portal from running."""
    if found := check.faults(config, static_directory()):
        raise ConfigError("\n".join(found))


def _check(config: Config) -> int:
    found = check.faults(config, static_directory())
    for line in found:
        print(line, file=sys.stderr)
    for line in check.notes(config):
        print(f"note: {line}", file=sys.stderr)
    if found:
        print(f"{len(found)} fault{'' if len(found) == 1 else 's'}.", file=sys.stderr)
        return EXIT_CONFIG
    print("The configuration is in order.")
    return 0


def _link(config: Config, user: str, *, asks: bool) -> str:
    """A one-time link. Raises ConfigError, StoreError."""
    if not config.sign_in.link.enabled:
        raise ConfigError("sign_in.link.enabled is false: the portal takes no links.")
    if not find_user(user).is_known:
        raise ConfigError(f"this host knows no user {user}: nobody could be signed in.")
    token = Links(link_key(state_directory())).issue(
        user, time.time() + config.sign_in.link.valid_seconds, asks=asks
    )
    return f"{_base(config.listen)}/sign-in#link={token}"


def _base(listen: ListenConfig) -> str:
    """What a browser calls the portal, as far as the configuration tells. Raises ConfigError."""
    if listen.origins:
        return listen.origins[0]
    if listen.port is None:
        raise ConfigError("listen.origins is empty: nobody knows what a link would begin with.")
    scheme = "http" if listen.certificate_file is None else "https"
    host = socket.gethostname() if listen.host in {"0.0.0.0", "::"} else listen.host  # noqa: S104 compared
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listen.port}"


def _prefixed(error: PortalError) -> str:
    return "\n".join(f"fx-portal: {line}" for line in str(error).splitlines())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fx-portal",
        description="The reference web server: sessions in a browser.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "check", "link", "schema", "version"),
        default="run",
        help="run the portal (default); check the configuration; print a link that signs a user in "
        "once; print the JSON Schema of portal.yaml; print the version",
    )
    parser.add_argument("--user", help="with link: whom it signs in")
    parser.add_argument(
        "--no-confirm",
        action="store_true",
        help="with link: it signs in as it is opened, without asking; not for sending to others",
    )
    parser.add_argument(
        "--config",
        type=Path,
        help="configuration file (default: $FX_CONFIG_DIR/portal.yaml)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
