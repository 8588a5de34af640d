"""The reference for administrators names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from supervisor.template.names import FIXED_NAMES
from supervisor.template.params import ParamType
from supervisor.template.schema.head import head_keys
from supervisor.template.schema.service import RAW_REFUSED, service_keys
from supervisor.template.schema.session import SessionSection

REFERENCE = Path(__file__).parents[3] / "docs" / "template-reference.md"
NAMED = set(re.findall(r"`\$?\{?([\w.]+)\}?`", REFERENCE.read_text(encoding="utf-8")))


def test_every_key_is_described() -> None:
    """Keys of the template, the container and the session stand in the reference."""
    assert service_keys() | head_keys() | SessionSection.model_fields.keys() <= NAMED


def test_every_placeholder_is_described() -> None:
    """Names that placeholders may have stand in the reference."""
    assert set(FIXED_NAMES) <= NAMED


def test_every_type_is_described() -> None:
    """Types of params stand in the reference."""
    assert {kind.value for kind in ParamType} <= NAMED


def test_every_refused_raw_host_key_is_described() -> None:
    """What may not be passed through raw stands in the reference."""
    assert set(RAW_REFUSED["host_config"]) - {"ContainerIDFile"} <= NAMED
