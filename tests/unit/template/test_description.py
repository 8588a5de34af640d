"""What users may know of a template: enough for a form, nothing of the container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from supervisor.reactor.service import CatalogService
from supervisor.template import TemplateCatalog, TemplateSummary, describe
from supervisor.template.catalog import DIRECTORY_NAME
from tests.unit.template.samples import load

OPENAPI: dict[str, Any] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[3] / "docs" / "openapi.yaml").read_text()
)
EVERY_TYPE = """
image: fx/x
params:
  text: {type: string, default: a, pattern: "[a-z]+"}
  whole: {type: integer, min: 1, changeable: true}
  number: {type: number, default: 1, max: 4.5}
  flag: {type: boolean, default: false}
  memory: {type: size, default: 2g, label: Memory, help: How much}
  time: {type: duration, default: 1h30m, max: 1d}
  theme: {type: choice, choices: [light, {value: 2, label: Dark}], default: light}
  project: {type: string, required: true}
"""
UNLIMITED = {
    "clipboard": "both",
    "suspend": "disconnect",
    "idle_seconds": None,
    "disconnect_seconds": None,
    "suspend_seconds": None,
    "lifetime_seconds": None,
}


def described(keys: str) -> TemplateSummary:
    """Of a template that has these keys."""
    return describe(load(f"image: fx/x\n{keys}\n"))


def test_what_is_listed_is_what_is_documented(tmp_path: Path) -> None:
    """Shipped templates and one with every type of param: member by member, no more, no less."""
    (tmp_path / DIRECTORY_NAME).mkdir()
    (tmp_path / DIRECTORY_NAME / "every.tpl").write_text(EVERY_TYPE)
    shown = CatalogService(catalog=TemplateCatalog(tmp_path)).list()
    assert {"docker", "every"} <= {each["name"] for each in shown}
    schemas = OPENAPI["components"]["schemas"]
    for each in json.loads(json.dumps(shown)):
        schema = {"$ref": "#/components/schemas/Template", "components": OPENAPI["components"]}
        jsonschema.Draft202012Validator(schema).validate(each)
        assert each.keys() == schemas["Template"]["properties"].keys()
        assert each["session"].keys() == schemas["SessionRules"]["properties"].keys()
        assert all(
            param.keys() == schemas["Param"]["properties"].keys() for param in each["params"]
        )


def test_the_container_is_not_described() -> None:
    """Neither its image, nor what it mounts, nor a command that is the template's own."""
    summary = described(
        "volumes: [/srv/projects:/srv/projects]\ncommand: [run, --key, quux]\nenvironment: {A: b}"
    )
    told = str(summary)
    assert not [word for word in ("fx/x", "/srv", "quux", "environment") if word in told]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("command: ${start.command:-xterm -fn 9x15}", ("xterm -fn 9x15", True, False)),
        ("command: [sh, -c, '${start.command:-xterm}']", ("xterm", True, False)),
        ("command: ${start.command:-${user.shell}}", (None, True, False)),
        ("command: ${start.command:?say what}", (None, True, True)),
        ("command: xterm -e ${start.command}", (None, True, True)),
        ("environment: {A: '${extra.a:-${start.command}}'}\ncommand: x", (None, True, False)),
        ("command: gimp", (None, False, False)),
        ("title: none", (None, True, True)),
        ("entrypoint: [desktop]", ("", True, False)),
    ],
)
def test_a_form_knows_about_the_command(keys: str, told: tuple[str | None, bool, bool]) -> None:
    """What is run if none is asked for, whether one may be asked for, and whether one must."""
    summary = described(keys)
    assert (summary.command, summary.accepts_command, summary.requires_command) == told


def test_users_are_told_how_long_a_session_lasts() -> None:
    """Resolved, in seconds; a template that says nothing sets no limit."""
    assert described("title: Nothing").session == UNLIMITED
    keys = "session: {lifetime: 8h, idle_timeout: 90m, clipboard: in, suspend: freeze}"
    expected = {"lifetime_seconds": 28800, "idle_seconds": 5400}
    expected_words = {"clipboard": "in", "suspend": "freeze"}
    assert described(keys).session == {**UNLIMITED, **expected, **expected_words}


def test_rules_that_depend_on_the_start_are_told_as_far_as_they_go() -> None:
    """By a param's default; not at all where there is none, or where that would be refused."""
    summary = described(
        "params:\n"
        "  length: {type: duration, default: 2h, max: 8h}\n"
        "  pause: {type: duration, required: true}\n"
        "  way: {type: string, default: sideways}\n"
        "session:\n"
        "  lifetime: ${start.params.length}\n"
        "  idle_timeout: ${start.params.pause}\n"
        "  disconnect_timeout: ${extra.away:-10m}\n"
        "  clipboard: ${start.params.way}\n"
    )
    told = {**UNLIMITED, "lifetime_seconds": 7200, "disconnect_seconds": 600}
    del told["idle_seconds"], told["clipboard"]
    assert summary.session == told
