"""``templates/supervisor.yaml``: every key there is, with its default and its meaning."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from supervisor.config import Config
from supervisor.policy.settings import CeilingsSettings
from supervisor.reference.docstrings import field_docstrings
from supervisor.template.quantities import size_text

SCHEMA_DIRECTORY = "/usr/share/fastx-supervisor/schema"
"""Where the Debian package puts the schemas."""

_WIDTH = 100
_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_DIRECTORY}/config.json
#
# The configuration of fx-supervisor: every key there is, each with its default, so that a key may
# as well be left out. The line above lets editors complete and explain keys; where that file is
# not, `fx-supervisor schema config` prints it.
#
# After a change: `fx-supervisor check`, then `systemctl reload fx-supervisor`. Sessions run on, and
# a file with a fault changes nothing. Keys marked (restart) hold from the next start on.
"""


def example() -> str:
    """The whole file."""
    return _HEAD + "".join(f"{line}\n" for line in _section(Config(), ""))


def shown(section: BaseModel, name: str) -> str:
    """A default as it is written in the file, on one line."""
    value = getattr(section, name)
    if isinstance(section, CeilingsSettings) and value and name in {"memory", "shm_size"}:
        return size_text(value)
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_scalar(each) for each in value)}]"
    return _scalar(value)


def needs_restart(section: BaseModel, name: str) -> bool:
    """Whether the key is read at the start alone."""
    extra = type(section).model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("x-needs-restart"))


def _scalar(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum():
        return str(value)
    return json.dumps(value)


def _section(section: BaseModel, indent: str) -> Iterator[str]:
    described = field_docstrings(type(section))
    for name in type(section).model_fields:
        value = getattr(section, name)
        meaning = described.get(name, "")
        if isinstance(value, BaseModel):
            if not indent:
                yield ""
            yield from _comment(meaning or type(value).__doc__ or "", indent)
            yield f"{indent}{name}:"
            yield from _section(value, indent + "  ")
            continue
        if needs_restart(section, name):
            meaning += " (restart)"
        yield from _comment(meaning, indent)
        line = f"{indent}{name}: {shown(section, name)}"
        if len(line) <= _WIDTH:
            yield line
            continue
        yield f"{indent}{name}:"
        for each in sorted(value) if isinstance(value, frozenset) else value:
            yield f"{indent}  - {_scalar(each)}"


def _comment(text: str, indent: str) -> list[str]:
    plain = " ".join(text.replace("`", "").split())
    return textwrap.wrap(
        plain, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )
