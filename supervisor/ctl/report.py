"""What commands print that is not for people only: JSON, and errors with their exit codes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from supervisor.ctl.errors import EXIT_INTERNAL, document_of, exit_code_of
from supervisor.ctl.text import plain, plain_lines
from supervisor.lifecycle.errors import SupervisorError


def print_json(value: Mapping[str, Any], indent: int | None = 2) -> None:
    """One object on stdout; ASCII, so that no terminal can take it for anything else."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")


def complain(error: SupervisorError, *, as_json: bool) -> int:
    """Print an error on stderr: the sentence, then a line for each field. Returns the exit code."""
    if as_json:
        sys.stderr.write(json.dumps(document_of(error)) + "\n")
        return exit_code_of(error)
    lines = [f"fxctl: {plain_lines(str(error))}"]
    for fault in error.errors:
        where = ".".join(str(part) for part in fault.loc)
        lines.append(f"  {plain(where)}: {plain(fault.msg)}")
    sys.stderr.write("\n".join(lines) + "\n")
    return exit_code_of(error)


def complain_of_ourselves(error: Exception) -> int:
    """A fault of this program, in one line; the trace is for those who ask. Returns the code."""
    if os.environ.get("FX_DEBUG"):
        traceback.print_exception(error)
    reason = plain(str(error)) or "no reason given"
    sys.stderr.write(
        f"fxctl: internal error: {type(error).__name__}: {reason} (FX_DEBUG=1 shows where)\n"
    )
    return EXIT_INTERNAL
