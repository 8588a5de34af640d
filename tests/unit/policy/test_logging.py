"""What a session prints has a bound, whoever wrote its template."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.engine.payload import container_body
from supervisor.policy.defaults import with_defaults
from supervisor.policy.rules import Logging, Policy
from tests.unit.template.samples import render_keys

DEFAULT = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}


def log_config(keys: dict[str, Any], policy: Policy) -> object:
    """What the engine would be told."""
    body = container_body(with_defaults(render_keys(keys).spec, policy))
    return body["HostConfig"].get("LogConfig")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, DEFAULT),
        ({"logging": {"driver": "json-file"}}, DEFAULT),
        (
            {"logging": {"driver": "json-file", "options": {"max-file": "5"}}},
            {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}},
        ),
        (
            {"logging": {"driver": "json-file", "options": {"max-size": "1m"}}},
            {"Type": "json-file", "Config": {"max-size": "1m"}},
        ),
        ({"logging": {"driver": "none"}}, {"Type": "none"}),
        ({"logging": {"driver": "journald"}}, {"Type": "journald"}),
    ],
    ids=["nothing", "driver", "files", "size", "none", "other"],
)
def test_a_template_that_does_not_bound_its_log(said: dict[str, Any], expected: object) -> None:
    """Gets the policy's bound; what it says itself stays."""
    assert log_config(said, Policy()) == expected


def test_an_administrator_has_another_driver_or_none() -> None:
    """``null`` is the engine's own default."""
    local = Policy(logging=Logging("local", (("max-size", "5m"),)))
    assert log_config({}, local) == {"Type": "local", "Config": {"max-size": "5m"}}
    assert log_config({}, Policy(logging=None)) is None
