"""The schemas of the files that administrators write, by the names they are printed under."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from supervisor.config import Config
from supervisor.reference.generation import generated
from supervisor.reference.template_schema import template_schema


def config_schema() -> dict[str, Any]:
    """Of ``supervisor.yaml``."""
    return generated(Config, "supervisor.yaml")


SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "config": config_schema,
    "template": template_schema,
}


def schema_text(name: str) -> str:
    """One of ``SCHEMAS`` as it is printed and kept."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"
