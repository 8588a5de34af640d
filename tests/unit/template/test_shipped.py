"""The shipped templates: complete for users, confined, and let through by the policy as shipped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from supervisor.config import Config
from supervisor.engine.payload import container_body
from supervisor.foresight import objection
from supervisor.policy.guard import Guard
from supervisor.template.catalog import SHIPPED, TemplateCatalog
from supervisor.template.template import Template
from tests.unit.template.samples import rendered

CATALOG = TemplateCatalog(Path("/nonexistent"))
NAMES = CATALOG.names()
ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "template-reference.md"


def host_config(name: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 any param
    """What the engine is told of the container's confinement and limits."""
    text = (SHIPPED / f"{name}.tpl").read_text(encoding="utf-8")
    config: dict[str, Any] = container_body(rendered(text, params).spec)["HostConfig"]
    return config


@pytest.fixture(params=NAMES)
def template(request: pytest.FixtureRequest) -> Template:
    """Each of them."""
    return CATALOG.get(request.param)


def test_users_can_tell_them_apart(template: Template) -> None:
    """A title and an icon of its own, of those that a portal has; a sentence; labelled params."""
    all_of_them = [CATALOG.get(name) for name in NAMES]
    assert [each.title for each in all_of_them].count(template.title) == 1
    assert [each.icon for each in all_of_them].count(template.icon) == 1
    named = re.findall(r"`([a-z]+(?:-[a-z]+)+)`", _section("### Icons"))
    assert template.icon in named
    assert template.description.endswith(".")
    assert all(param.label for param in template.params)


def test_each_is_confined(template: Template) -> None:
    """No capability, nothing to be gained, nothing to write to but HOME and memory, all bounded."""
    host = host_config(template.name)
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges:true"])
    assert [mount["Source"] for mount in host["Mounts"]] == ["/home/alice"]
    assert host["ReadonlyRootfs"]
    assert {"/tmp", "/var/tmp", "/run"} <= set(host["Tmpfs"])
    assert min(host["Memory"], host["NanoCpus"], host["PidsLimit"]) > 0
    assert not host.get("Privileged")
    assert not host.get("CapAdd")


def test_users_set_memory_and_cores(template: Template) -> None:
    """Within limits that a small host can keep, whichever template."""
    host = host_config(template.name, memory="2g", cores=0.5)
    assert (host["Memory"], host["NanoCpus"]) == (2 * 1024**3, 500_000_000)
    cores = next(param for param in template.params if param.name == "cores")
    assert cores.maximum == 2


def test_the_policy_as_shipped_has_no_objection(template: Template) -> None:
    """Nobody has to allow anything first."""
    config = Config()
    guard = Guard(config.policy.policy(config.identity.forbidden_groups))
    assert objection(template, guard) is None


def test_every_image_has_a_recipe(template: Template) -> None:
    """So that each can be built from Debian packages."""
    recipes = [path.read_text(encoding="utf-8") for path in ROOT.glob("images/*/recipe")]
    built = re.findall(r"^image +(\S+)$", "\n".join(recipes), re.MULTILINE)
    text = template.path.read_text(encoding="utf-8")
    assert set(re.findall(r"^image: (\S+)$", text, re.MULTILINE)) <= set(built)


def test_the_browser_opens_what_is_asked_for_and_nothing_else() -> None:
    """An address is one word of the command line, whatever stands in it."""
    text = (SHIPPED / "browser.tpl").read_text(encoding="utf-8")
    asked = str(rendered(text, {"url": "https://example.com/?a=1&b=$(id);'"}).command)
    assert asked.endswith(" 'https://example.com/?a=1&b=$(id);'\"'\"''")
    assert str(rendered(text).command).endswith(" 96) chrome://newtab")


def _section(heading: str) -> str:
    text = REFERENCE.read_text(encoding="utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n### ")[0]
