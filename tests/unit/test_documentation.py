"""What the documentation shows is true of the program."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from supervisor.lifecycle.session import Reason
from supervisor.template.catalog import TemplateCatalog

DOCS = Path(__file__).parents[2] / "docs"
OPENAPI = YAML(typ="safe").load(DOCS / "openapi.yaml")
CODE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
CALLS = [(path, method) for path, calls in OPENAPI["paths"].items() for method in calls]


def openapi_page() -> ModuleType:
    """Sphinx finds it by its path, and so do we."""
    spec = importlib.util.spec_from_file_location(
        "openapi_page", DOCS / "_extensions" / "openapi_page.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page() -> list[str]:
    """The API page, in Markdown."""
    return list(openapi_page().page(OPENAPI))


@pytest.mark.parametrize(("path", "method"), [c for c in CALLS if c[1] != "parameters"])
def test_every_call_is_on_the_api_page(page: list[str], path: str, method: str) -> None:
    """There is one description of the API."""
    assert f"{method.upper()} {path}" in page


def test_every_schema_is_on_the_api_page(page: list[str]) -> None:
    """With all its fields."""
    for name, schema in OPENAPI["components"]["schemas"].items():
        assert f"### {name}" in page
        for field in schema.get("properties", {}):
            assert any(line.startswith(f"| `{field}`") for line in page)


def test_the_template_of_getting_started_can_be_used(tmp_path: Path) -> None:
    """As it stands on the page."""
    (template,) = (
        block
        for block in CODE.findall((DOCS / "getting-started.md").read_text())
        if ".tpl" in block.splitlines()[0]
    )
    name = template.splitlines()[0].rpartition("/")[2].removesuffix(".tpl")
    folder = tmp_path / "launcher-templates"
    folder.mkdir()
    (folder / f"{name}.tpl").write_text(template)
    assert TemplateCatalog(tmp_path, tmp_path / "none").get(name).name == name


def test_every_reason_of_an_end_has_its_cure() -> None:
    """What ``fxctl show`` says is what an operator looks up."""
    told = (DOCS / "troubleshooting.md").read_text()
    assert [reason for reason in Reason if f"`{reason.value}`" not in told] == []
