"""Short forms of a container's keys, as schemas; what they mean stands in template.shorthand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class ShortForm:
    """What may stand instead of the model's form, or besides it, or for an item or value of it."""

    kind: Literal["instead", "besides", "item", "value"]
    forms: tuple[dict[str, Any], ...]


_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_PLACEHOLDER: Final = {"$ref": "#/definitions/Placeholder"}
_SCALAR: Final = {"type": ["string", "number"]}

_COMMAND: Final = ShortForm("instead", (_TEXT, {**_TEXTS, "minItems": 1}))
_PAIRS: Final = ShortForm("besides", (_TEXTS,))
_ONE: Final = ShortForm("besides", (_SCALAR,))

SHORT_FORMS: Final[dict[str, ShortForm]] = {
    "command": _COMMAND,
    "entrypoint": _COMMAND,
    "environment": _PAIRS,
    "labels": _PAIRS,
    "sysctls": _PAIRS,
    "storage_opt": _PAIRS,
    "volumes": ShortForm("item", (_TEXT,)),
    "tmpfs": ShortForm("instead", (_TEXT, _TEXTS)),
    "networks": ShortForm("besides", (_TEXTS,)),
    "ports": ShortForm("item", (_TEXT, {"type": "integer", "minimum": 1, "maximum": 65535})),
    "extra_hosts": ShortForm(
        "instead",
        (_TEXTS, {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _TEXTS]}}),
    ),
    "dns": _ONE,
    "dns_search": _ONE,
    "dns_opt": _ONE,
    "expose": _ONE,
    "group_add": _ONE,
    "devices": ShortForm("item", (_TEXT,)),
    "gpus": ShortForm(
        "besides",
        (
            {"const": "all"},
            {"type": "integer", "minimum": -1},
            {"type": "string", "pattern": "^[0-9]+$"},
            {"$ref": "#/definitions/GpuSection"},
            _PLACEHOLDER,
        ),
    ),
    "ulimits": ShortForm("value", ({"type": "integer", "minimum": -1},)),
    "pull_policy": ShortForm("besides", ({"const": "if_not_present"}, _PLACEHOLDER)),
}
