"""What commands print that is not for people only: JSON, and errors with their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Mapping
from typing import Any

from supervisor.ctl.errors import EXIT_INTERNAL, document_of, exit_code_of
from supervisor.ctl.text import plain, plain_lines
from supervisor.lifecycle.errors import SupervisorError


def print_json(value: Mapping[str, Any], indent: int | None = 2) -> None:
    """One object on stdout; ASCII, so that no terminal can take it for anything else."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")


def say(text: str) -> None:
    """Print on stderr; on a terminal wrapped between words, never within a path."""
    lines = text.split("\n")
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        wrapper = textwrap.TextWrapper(
            width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
        )
        lines = [part for line in lines for part in wrapper.wrap(line) or [""]]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


def complain(error: SupervisorError, *, as_json: bool) -> int:
    """Print an error on stderr: the sentence, then a line for each field. Returns the exit code."""
    if as_json:
        sys.stderr.write(json.dumps(document_of(error)) + "\n")
        return exit_code_of(error)
    sentence, faults = str(error), error.errors
    if any(fault.msg in sentence for fault in faults):
        # The sentence is made of its fields: one of the two is enough.
        if len(faults) == 1:
            faults = ()
        else:
            sentence = f"{len(faults)} fields of the request are wrong:"
    lines = [f"fxctl: {plain_lines(sentence)}"]
    for fault in faults:
        where = ".".join(str(part) for part in fault.loc)
        lines.append(f"  {plain(where)}: {plain(fault.msg)}")
    say("\n".join(lines))
    return exit_code_of(error)


def complain_of_ourselves(error: Exception) -> int:
    """A fault of this program, in one line; the trace is for those who ask. Returns the code."""
    if os.environ.get("FX_DEBUG"):
        traceback.print_exception(error)
    reason = plain(str(error)) or "no reason given"
    say(f"fxctl: internal error: {type(error).__name__}: {reason} (FX_DEBUG=1 shows where)")
    return EXIT_INTERNAL
