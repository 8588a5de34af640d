"""``fx-supervisor check``: whether everything that an administrator has written is right."""

from __future__ import annotations

import sys
from pathlib import Path

from supervisor.config import load_config
from supervisor.errors import ConfigError
from supervisor.places import config_directory
from supervisor.share import templates_directory
from supervisor.template.catalog import TemplateCatalog

EXIT_FAULTS = 78


def check(config_file: Path | None) -> int:
    """Print every fault of configuration and templates, one per line; returns the exit code."""
    faults: list[str] = []
    try:
        load_config(config_file)
    except ConfigError as error:
        faults.extend(str(error).splitlines())
    catalog = TemplateCatalog(config_directory(), templates_directory())
    faults.extend(str(fault) for fault in catalog.faults())
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return EXIT_FAULTS
    names = ", ".join(catalog.names())
    print(f"Configuration and templates are in order ({names}).")
    return 0
