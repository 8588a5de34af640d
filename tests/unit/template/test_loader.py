"""Faults of template files: all of them at once, each where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.template import TemplateError
from supervisor.template.document import MAX_BYTES, read_document
from tests.unit.template.samples import faults, load

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.tpl"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_hostile_template_is_refused_with_exact_faults(path: Path) -> None:
    """Each file of the corpus yields the faults listed at its end, and no others."""
    text = path.read_text(encoding="utf-8")
    expected = [line.removeprefix("#! ") for line in text.splitlines() if line.startswith("#! ")]
    assert expected
    assert faults(text) == expected


def test_error_is_one_line_for_each_fault() -> None:
    """The error's text is file:line:column: key: message, line by line."""
    with pytest.raises(TemplateError) as caught:
        load("image: fx/x\ncpuss: 1\nmem_limit: x\n")
    assert str(caught.value).splitlines() == [
        "x.tpl:2:1: cpuss: unknown key; did you mean cpus?",
        'x.tpl:3:12: mem_limit: must be a size such as "512m" or "2g", not \'x\'',
    ]
    assert caught.value.code == "template_invalid"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "1:1: the file is empty"),
        (b"image: fx/x\nlabels: {a: \xff}\n", "2:13: not UTF-8 text"),
        (b"image: fx/x\n\x01", "2:1: a control character that YAML does not allow"),
        (b'image: fx/x\nlabels: {a: "\\0"}', "2:13: labels.a: a NUL byte cannot be passed"),
        (b"image: [", "1:9: not YAML: expected the node content"),
        (b"image: *x", "1:8: not YAML: found undefined alias 'x'"),
        (b"a: " + b"[" * 100_000, "1:35: nested deeper than 32 levels"),
        (b"image: fx/x\ncpus: " + b"9" * 5000, "2:7: cpus: not a number"),
        (b"#" * (MAX_BYTES + 1), "1:1: the file is larger than 256 KiB"),
    ],
)
def test_unreadable_content_is_one_fault(content: bytes, fault: str) -> None:
    """What is no YAML at all is reported where it stops being YAML, and does no harm."""
    found = faults(content)
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_fault_in_block_scalar_has_its_own_line() -> None:
    """A placeholder inside a literal block is blamed at its dollar sign."""
    text = "image: fx/x\nlabels:\n  a: |\n    one ${user.name}\n    two ${user.nam}\n"
    assert faults(text) == ["5:9: labels.a: nothing is called user.nam; did you mean user.name?"]


def test_fault_after_escape_falls_back_to_the_scalar() -> None:
    """Where an escape hides a dollar sign, the start of the scalar is given."""
    assert faults('image: fx/x\nhostname: "\\x24{nope}"') == [
        "2:11: hostname: nothing is called nope"
    ]


def test_anchors_and_merges_work_as_in_compose() -> None:
    """x- keys are ignored, their anchors are not; own keys and earlier sources win over merged."""
    template = load(
        """
x-one: &one {A: one, B: one, C: one}
x-two: &two {B: two, D: two}
image: fx/x
environment:
  <<: [*one, *two]
  A: own
labels:
  <<: *two
"""
    )
    assert template.service["environment"] == {"A": "own", "B": "one", "C": "one", "D": "two"}
    assert template.service["labels"] == {"B": "two", "D": "two"}


def test_scalars_are_yaml_1_2() -> None:
    """Octal needs 0o, yes is text, dates are text."""
    document = read_document("x", b"a: 0755\nb: 0o755\nc: yes\nd: 2001-01-01\ne: 12:30\nf: 0x10")
    assert document.root == {
        "a": 755,
        "b": 493,
        "c": "yes",
        "d": "2001-01-01",
        "e": "12:30",
        "f": 16,
    }


def test_deferred_leaf_does_not_hide_other_faults() -> None:
    """A leaf with a placeholder is judged at start; everything around it is judged at load."""
    text = "image: fx/x\nvolumes:\n  - {source: '${user.home}', target: x, mode: 1}\n"
    assert faults(text) == [
        "3:5: volumes.0.type: this key is required",
        "3:38: volumes.0.target: must be an absolute path",
        "3:41: volumes.0.mode: unknown key",
    ]


def test_key_without_value_counts_as_not_written() -> None:
    """A list whose items were all commented out leaves a valid template."""
    assert load("image: fx/x\nvolumes:\n#  - /a:/b\nparams:\n").service.keys() == {
        "image",
        "command",
    }


def test_pattern_may_end_in_a_dollar_sign() -> None:
    """Declarations and descriptions are taken as written."""
    template = load(
        "image: fx/x\ndescription: costs $5\n"
        'params: {a: {type: string, pattern: "^a+$", default: a}}'
    )
    assert template.params[0].pattern == "^a+$"
    assert template.description == "costs $5"
