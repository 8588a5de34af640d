"""Placeholders: how they are read, and that values stay values."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.template import TemplateValueError
from supervisor.template.interpolation import Locator, PlaceholderError, parse_text
from supervisor.template.text import Leaf, Mark, Text, join, rsplit, split
from tests.unit.template.samples import rendered

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
NASTY = st.sampled_from(
    ["${user.name}", "$$", "'", '"', "\n", "a: b", "- x", ",", ":", "=", "#", "`id`", "$(id)", "\\"]
)
VALUES = st.one_of(ANY_TEXT, st.lists(NASTY | ANY_TEXT, max_size=6).map("".join))

ECHO = """
image: fx/x
params: {v: {type: string, default: "", max_length: 4096}}
environment: ["V=${start.params.v}"]
labels: {l: "<${start.params.v}>"}
command: [echo, "${start.params.v}"]
"""


def parse(value: str) -> Leaf:
    """Parse a scalar that stands at the beginning of a file."""
    return parse_text(value, Locator(value, value, Mark(1, 1)))


@given(VALUES)
def test_any_text_arrives_byte_for_byte(value: str) -> None:
    """A value is the same in variables, labels and arguments, and adds nothing to any."""
    session = rendered(ECHO, {"v": value})
    assert session.spec.environment == {"V": value}
    assert session.spec.labels == {"l": f"<{value}>"}
    assert session.command == ("echo", value)


@given(VALUES)
def test_value_changes_nothing_but_its_leaf(value: str) -> None:
    """The specification of one value is that of another, the three leaves aside."""
    one, other = rendered(ECHO, {"v": value}).spec, rendered(ECHO, {"v": ""}).spec
    names = [
        name for name in one.__dataclass_fields__ if getattr(one, name) != getattr(other, name)
    ]
    assert set(names) <= {"environment", "labels"}


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_value_is_one_word_of_a_command_line(value: str) -> None:
    """The shell takes a value for one word, whatever it holds; a real shell is asked."""
    text = """
image: fx/x
params: {v: {type: string, default: "", max_length: 4096}}
command: printf '%s|' --a=${start.params.v} ${start.params.v} end
"""
    line = rendered(text, {"v": value}, command=None).command
    assert isinstance(line, str)
    answer = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)  # noqa: S603
    assert answer.stdout.decode() == f"--a={value}|{value}|end|"


@given(ANY_TEXT)
def test_text_without_dollars_is_itself(value: str) -> None:
    """Parsing leaves text alone but for dollar signs, which are written twice."""
    assert parse(value.replace("$", "$$")) == value


@given(st.text())
def test_parser_never_fails_otherwise(value: str) -> None:
    """Any text is parsed or refused at a place inside it."""
    offset = 0
    try:
        parse(value)
    except PlaceholderError as error:
        offset = error.offset
    assert 0 <= offset <= max(0, len(value) - 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${user.name}", "alice"),
        ("${ user.name }", "alice"),
        ("${user.uid}:${user.gid}", "1000:1000"),
        ("$${user.name}", "${user.name}"),
        ("$$$${user.name}", "$${user.name}"),
        ("$$${user.name}", "$alice"),
        ("${extra.x:-none}", "none"),
        ("${ extra.x :- a b }", "a b"),
        ("${extra.x:-}", ""),
        ("${extra.x:-${user.name}-x}", "alice-x"),
        ("${extra.x:-${extra.y:-z}}", "z"),
        ("${extra.x:-$$5}", "$5"),
        ("${extra.empty:-full}", "full"),
        ("${extra.empty}", ""),
        ("${extra.set:-none}", "it"),
        ("${extra.set:?must be}", "it"),
        ("a}b", "a}b"),
        ("${session.id}", "01jd0000000000000000000000"),
        ("${host.name}/${start.geometry}/${start.dpi}", "desk1/1280x800/96"),
        ("${start.name}", "Terminal"),
    ],
)
def test_placeholder_forms(text: str, value: str) -> None:
    """Placeholders read as in Compose, with blanks allowed inside the braces."""
    session = rendered(f"image: fx/x\nlabels: {{a: '{text}'}}", extra={"set": "it", "empty": ""})
    assert session.spec.labels == {"a": value}


@pytest.mark.parametrize(
    ("text", "loc", "message"),
    [
        ("${extra.tmp_dir}", ("extra", "tmp_dir"), "must be given"),
        ("${extra.tmp_dir:?where to}", ("extra", "tmp_dir"), "where to"),
        ("${start.command}", ("command",), "must be given"),
    ],
)
def test_missing_value_names_the_field(text: str, loc: tuple[str, ...], message: str) -> None:
    """What the request should have held is named by its place in the request."""
    with pytest.raises(TemplateValueError) as caught:
        rendered(f"image: fx/x\ncommand: 'true'\nlabels: {{a: '{text}'}}", command=None)
    (error,) = caught.value.errors
    assert error.loc == loc
    assert error.msg.startswith(message)


def test_all_missing_values_are_named_at_once() -> None:
    """One refused start tells everything that is missing."""
    with pytest.raises(TemplateValueError) as caught:
        rendered("image: fx/x\nlabels: {a: '${extra.a}', b: '${extra.b}'}", command=None)
    locs = {error.loc for error in caught.value.errors}
    assert locs == {("extra", "a"), ("extra", "b"), ("command",)}


def test_value_is_never_split() -> None:
    """Short forms are split at the template's separators; a value that holds one adds nothing."""
    text = """
image: fx/x
params: {v: {type: string, default: "x:/etc:ro"}}
volumes: ["/srv/${start.params.v}:/data"]
"""
    with pytest.raises(TemplateValueError, match="plain path"):
        rendered(text, {"v": ""})
    (mount,) = rendered(text).spec.mounts
    assert (mount.source, mount.target, mount.read_only) == ("/srv/x:/etc:ro", "/data", False)


@given(st.lists(st.sampled_from(["a", ":", "${user.name}", "b:c"]), max_size=8))
def test_split_and_join_are_inverse(pieces: list[str]) -> None:
    """Splitting a leaf and joining it again gives the leaf."""
    leaf = parse("".join(pieces))
    assert join(split(leaf, ":"), ":") == leaf
    assert join(rsplit(leaf, ":", limit=2), ":") == leaf
    assert len(rsplit(leaf, ":", limit=2)) <= 3


def test_placeholders_inside_defaults_are_checked_too() -> None:
    """A name inside a default is as much a name as one outside."""
    leaf = parse("${extra.x:-${user.name}}")
    assert isinstance(leaf, Text)
    assert [placeholder.name for placeholder in leaf.placeholders()] == ["extra.x", "user.name"]
