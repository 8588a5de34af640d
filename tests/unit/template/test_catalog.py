"""Templates on disk: which one is found, and when it is read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.lifecycle.errors import TemplateNotFoundError
from supervisor.template import TemplateCatalog, TemplateError
from supervisor.template.catalog import SHIPPED


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Give a directory with templates a and b."""
    directory = tmp_path / "shipped"
    directory.mkdir()
    for name in ("a", "b"):
        (directory / f"{name}.tpl").write_text(f"image: fx/{name}\ntitle: shipped {name}\n")
    return directory


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give the administrator's directory."""
    directory = tmp_path / "etc" / "launcher-templates"
    directory.mkdir(parents=True)
    return directory


def test_own_template_goes_before_the_shipped_one(own: Path, shipped: Path) -> None:
    """The administrator's file of a name is the template of that name."""
    (own / "b.tpl").write_text("image: fx/b\ntitle: own b\n")
    catalog = TemplateCatalog(own.parent, shipped)
    assert catalog.names() == ("a", "b")
    assert [catalog.get(name).title for name in catalog.names()] == ["shipped a", "own b"]


def test_missing_directories_are_no_templates(tmp_path: Path) -> None:
    """An installation without a directory of its own has what is shipped."""
    catalog = TemplateCatalog(tmp_path / "none", tmp_path / "nothing")
    assert (catalog.names(), catalog.faults()) == ((), ())


@pytest.mark.parametrize("name", ["c", "", "../a", "a/../a", "A", "a.tpl", "a" * 200])
def test_unknown_name_lists_what_there_is(name: str, own: Path, shipped: Path) -> None:
    """A name is a name and never a path; the error says what could be asked for."""
    with pytest.raises(TemplateNotFoundError, match="there are: a, b"):
        TemplateCatalog(own.parent, shipped).get(name)


def test_changed_file_is_read_again_and_others_are_not(own: Path, shipped: Path) -> None:
    """Unchanged files give the same object; a changed one gives what it says now."""
    catalog = TemplateCatalog(own.parent, shipped)
    first = catalog.get("a")
    assert catalog.get("a") is first
    (own / "a.tpl").write_text("image: fx/own\n")
    assert catalog.get("a").path == own / "a.tpl"
    replacement = own / "new"
    replacement.write_text("image: fx/two\n")
    os.utime(replacement, ns=(0, (own / "a.tpl").stat().st_mtime_ns))
    replacement.replace(own / "a.tpl")
    assert catalog.get("a").service["image"] == "fx/two"
    (own / "a.tpl").unlink()
    assert catalog.get("a") is first


def test_faulty_file_hides_the_shipped_template(own: Path, shipped: Path) -> None:
    """A mistake is reported, each time and until mended; it starts no other template instead."""
    (own / "a.tpl").write_text("imag: fx/own\n")
    catalog = TemplateCatalog(own.parent, shipped)
    for _ in range(2):
        with pytest.raises(TemplateError, match=r"a\.tpl:1:1: imag: unknown key"):
            catalog.get("a")
    assert catalog.names() == ("a", "b")
    (own / "a.tpl").write_text("image: fx/own\n")
    assert catalog.get("a").service["image"] == "fx/own"


def test_a_link_to_dev_null_takes_the_shipped_template_away(own: Path, shipped: Path) -> None:
    """It is no fault, and gone for who lists and for who asks; without the link it is back."""
    catalog = TemplateCatalog(own.parent, shipped)
    assert catalog.get("a").title == "shipped a"
    mask = own / "a.tpl"
    mask.symlink_to("/dev/null")
    assert (catalog.names(), catalog.faults()) == (("b",), ())
    with pytest.raises(TemplateNotFoundError, match="there are: b"):
        catalog.get("a")
    mask.unlink()
    assert catalog.names() == ("a", "b")


def test_check_reports_every_file(own: Path, shipped: Path) -> None:
    """Faults of all files come together, files that can never be named included."""
    (own / "a.tpl").write_text("imag: fx/own\n")
    (own / "Bad Name.tpl").write_text("image: fx/own\n")
    (own / "pipe.tpl").mkdir()
    os.mkfifo(own / "fifo.tpl")
    (shipped / "b.tpl").write_text("image: 5\n")
    faults = [str(fault) for fault in TemplateCatalog(own.parent, shipped).faults()]
    assert faults == [
        (
            f"{own}/Bad Name.tpl:1:1: the file's name must be lower-case letters, "
            "digits, - and _, at most 64"
        ),
        f"{own}/a.tpl:1:1: imag: unknown key; did you mean image?",
        f"{own}/a.tpl:1:1: image: this key is required",
        f"{own}/fifo.tpl:1:1: cannot be read: not a regular file",
        f"{own}/pipe.tpl:1:1: cannot be read: Is a directory",
        f"{shipped}/b.tpl:1:8: image: must be text: put it in quotes",
    ]


def test_shipped_templates_are_sound() -> None:
    """What is shipped loads without a fault."""
    catalog = TemplateCatalog(Path("/nonexistent"))
    assert "docker" in catalog.names()
    assert catalog.faults() == ()
    assert SHIPPED.is_dir()
