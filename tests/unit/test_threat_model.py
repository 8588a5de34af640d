"""The threat model names tests, and they are there: a claim without one fails here."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
LETTERS = "STRIDE"
BOUNDARIES = [
    *("The web server's socket", "The API over the network", "The sessions' sockets"),
    *("The viewers' socket", "Templates"),
    *("Engine, images and registries", "HOME and other mounts", "Users of the host"),
    *("Configuration and units", "Webhook", "Store and state", "Audit trail and logs"),
    *("Metrics listener", "Installation"),
    *("Sign-in to the portal", "Browsers and the portal", "Share links"),
    "The portal and the relay",
]
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
ROW = re.compile(
    r"^\| (?P<letter>[A-Z]+) \| (?P<threat>.+) \| (?P<against>.+) \| (?P<tests>.+) \|$"
)
NAME = re.compile(r"`([a-z_/]+\.py)::(test_\w+)(?:\[(.+?)\])?`")
ROWS = [
    (title, found)
    for title, text in SECTIONS.items()
    for line in text.splitlines()
    if (found := ROW.match(line))
]
NAMED = sorted(set(NAME.findall(PAGE)))


@cache
def functions_of(path: Path) -> dict[str, str]:
    """The tests of a file, and the words with which each is written, decorators too."""
    source = path.read_text()
    return {
        node.name: source
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def parameters(source: str) -> str:
    """Where a test's parameters are written: its file, and what it takes from tests/support."""
    modules = re.findall(r"from tests\.support\.(\w+) import", source)
    return "\n".join([source, *((TESTS / f"support/{each}.py").read_text() for each in modules)])


def test_the_boundaries_are_these() -> None:
    """None is left out, and none is without a table."""
    assert list(SECTIONS) == BOUNDARIES
    assert {title for title, _ in ROWS} == set(BOUNDARIES)


@pytest.mark.parametrize("title", BOUNDARIES)
def test_every_letter_is_thought_of(title: str) -> None:
    """By a row, or by the reason why there is none; and what is left is told."""
    rows = [found["letter"] for section, found in ROWS if section == title]
    reasons = re.search(r"^Without a row: (.+?)\n\n", SECTIONS[title], re.DOTALL | re.MULTILINE)
    missing = re.findall(r"\*\*([A-Z])\*\*: \w", reasons[1]) if reasons else []
    assert sorted({*rows, *missing}) == sorted(LETTERS)
    assert not {*rows} & {*missing}, "there is a row all the same"
    assert rows == sorted(rows, key=LETTERS.index), "in STRIDE's order"
    for said in ("**There:**", "**Crosses:**", "**Accepted.**"):
        assert said in SECTIONS[title]


def test_every_row_names_a_test() -> None:
    """And nothing beside tests; every line of a table is such a row."""
    for title, found in ROWS:
        words = NAME.sub("", found["tests"]).replace(",", "").strip()
        assert NAME.search(found["tests"]), f"{title}: {found['threat']}"
        assert words == "", f"{title}: {words}"
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.startswith("| | threat |")]
    assert len(heads) == len(BOUNDARIES)
    assert len(lines) == len(ROWS) + len(heads)


@pytest.mark.parametrize(("path", "name", "parameter"), NAMED)
def test_every_test_is_there(path: str, name: str, parameter: str) -> None:
    """In its file, with the parameter that it is named by."""
    file = TESTS / path
    assert file.is_file(), f"there is no tests/{path}"
    found = functions_of(file)
    assert name in found, f"there is no {name} in tests/{path}"
    for part in parameter.split("-") if parameter else ():
        assert part in parameters(found[name]), f"{name} has no parameter {part}"
