"""What is made of the models is as it is checked in, complete, and true."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.reference_lib.__main__ import TREE, made
from supervisor.__main__ import main
from supervisor.config import Config, load_config
from supervisor.reference.docstrings import field_docstrings
from supervisor.reference.schemas import SCHEMAS, schema_text
from supervisor.template.catalog import TemplateCatalog
from tests.unit.test_reload import keys

MADE = made()
EXAMPLE = TREE / "templates" / "supervisor.yaml"
TEMPLATES = ("browser", "docker", "opengl", "terminal", "xfce")


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_is_checked_in_is_what_is_made(path: Path) -> None:
    """Else: scripts/reference."""
    assert path.read_text(encoding="utf-8") == MADE[path]


def test_the_example_holds_every_default() -> None:
    """And can be loaded as it is."""
    assert load_config(EXAMPLE) == Config()


def test_the_example_holds_every_key() -> None:
    """Also those whose default is nothing."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for key in keys(Config()):
        assert f"{key.rpartition('.')[2]}:" in text, key


def test_the_example_is_no_template() -> None:
    """It lies beside them."""
    assert TemplateCatalog(Path("/nonexistent"), EXAMPLE.parent).names() == TEMPLATES


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described(name: str) -> None:
    """In the schema, and so in editors and in the reference."""
    schema = SCHEMAS[name]()
    sections = {"top level": schema, **schema["definitions"]}
    for title, section in sections.items():
        for key, value in section.get("properties", {}).items():
            told = value.get("description") or schema["definitions"].get(
                value.get("$ref", "").rpartition("/")[2], {}
            ).get("description")
            assert told, f"{title}: {key} is not described"


def test_inherited_fields_are_described() -> None:
    """What all types of params share."""
    from supervisor.template.schema.params import IntegerParam  # noqa: PLC0415 beside its test

    assert {"label", "min"} <= field_docstrings(IntegerParam).keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_program_prints_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no package has put the files."""
    assert main(["schema", name]) == 0
    assert capsys.readouterr().out == schema_text(name)


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "all"], ["check", "config"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as everywhere."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "schema" in capsys.readouterr().err
