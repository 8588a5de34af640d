"""``fx-supervisor check``: whether everything that an administrator has written is right."""

from __future__ import annotations

import sys
from pathlib import Path

from supervisor.app import allowed_peers
from supervisor.config import Config, load_config
from supervisor.errors import ConfigError
from supervisor.host.bundle import bundle_mounts
from supervisor.places import config_directory
from supervisor.share import templates_directory
from supervisor.template.catalog import TemplateCatalog

EXIT_FAULTS = 78


def check(config_file: Path | None) -> int:
    """Print every fault of configuration and templates, one per line; returns the exit code."""
    faults: list[str] = []
    notes: list[str] = []
    try:
        config = load_config(config_file)
        allowed_peers(config)
    except ConfigError as error:
        faults.extend(str(error).splitlines())
    else:
        notes.extend(_missing_bundle(config))
    catalog = TemplateCatalog(config_directory(), templates_directory())
    faults.extend(str(fault) for fault in catalog.faults())
    for line in (*faults, *notes):
        print(line, file=sys.stderr)
    if faults:
        return EXIT_FAULTS
    names = ", ".join(catalog.names())
    print(f"Configuration and templates are in order ({names}).")
    return 0


def _missing_bundle(config: Config) -> list[str]:
    """Worth a note, no fault: configurations are written on machines without a bundle, too."""
    try:
        bundle_mounts(config.agent.bundle)
    except ConfigError as error:
        return [f"note: the daemon will not start here. {error}"]
    return []
