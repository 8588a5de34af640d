"""Whatever ``docker run`` can say, a template can say, or there is a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from supervisor.engine.payload import container_body
from tests.unit.template.samples import render_keys

HERE = Path(__file__)
DOCKER_RUN_OPTIONS = HERE.with_name("test_payload_options.txt").read_text("utf-8").split()
"""Of ``docker run --help``, Docker 28.2, and ``--annotation``, which is shown from API 1.43 on."""

TABLE: dict[str, dict[str, Any]] = YAML(typ="safe").load(
    HERE.with_suffix(".yaml").read_text(encoding="utf-8"),
)
SAID = {option: row for option, row in TABLE.items() if "template" in row}


def test_table_covers_docker_run() -> None:
    """Every option of docker run stands in the table, and nothing else does."""
    assert sorted(TABLE) == sorted(DOCKER_RUN_OPTIONS)


def test_rows_are_said_or_have_a_reason() -> None:
    """An option without a template key says why."""
    assert all(row.get("reason") for option, row in TABLE.items() if option not in SAID)


@pytest.mark.parametrize("option", SAID)
def test_option_reaches_the_engine(option: str) -> None:
    """The template key yields the fragment of the request that the docker command would send."""
    body = container_body(render_keys(SAID[option]["template"]).spec)
    assert _holds(body, SAID[option]["body"]), body


@pytest.mark.parametrize("option", SAID)
def test_option_adds_nothing_else(option: str) -> None:
    """Beside its fragment an option changes no key of the request."""
    body = container_body(render_keys(SAID[option]["template"]).spec)
    plain = container_body(render_keys({}).spec)
    fragment = SAID[option]["body"]
    changed = _changed(plain, body)
    named = {(key,) for key in fragment} | {
        ("HostConfig", key) for key in fragment.get("HostConfig", {})
    }
    # A network of one's own shows at both places where the API names networks.
    network = {("HostConfig", "NetworkMode"), ("NetworkingConfig",)}
    allowed = named | (network if "NetworkingConfig" in fragment else set())
    if option == "user":  # somebody else's groups are dropped with the user
        allowed.add(("HostConfig", "GroupAdd"))
    assert changed - {("HostConfig",)} <= allowed


def _changed(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, ...]]:
    top = {(key,) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    one, other = before["HostConfig"], after["HostConfig"]
    return top | {
        ("HostConfig", key) for key in one.keys() | other.keys() if one.get(key) != other.get(key)
    }


def _holds(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _holds(whole[key], value) for key, value in part.items())
    return whole == part
