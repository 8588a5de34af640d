"""Wheel and sdist: the same bytes from the same sources, complete, and enough to run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

from tests.support.packages import TREE, Packages, build
from tests.support.surroundings import given

SHARED = {
    "agent/bin/fx-session",
    "agent/build-bundle",
    "alerts.yaml",
    "grafana-dashboard.json",
    "openapi.yaml",
    "schema/audit.json",
    "schema/config.json",
    "schema/template.json",
    "systemd/fx-portal.service",
    "systemd/fx-portal.sysusers",
    "systemd/fx-portal.tmpfiles",
    "systemd/fx-supervisor.service",
    "systemd/fx-supervisor.socket",
    "systemd/fx-supervisor.sysusers",
    "systemd/fx-supervisor.tmpfiles",
    "templates/browser.tpl",
    "templates/docker.tpl",
    "templates/opengl.tpl",
    "templates/portal.yaml",
    "templates/supervisor.yaml",
    "templates/terminal.tpl",
    "templates/xfce.tpl",
}

LICENCES = ("LICENSE.txt", "AUTHORS", "docs/LICENSE.MPL-2.0", "vendor/pako/LICENSE")


def test_the_wheel_is_whole_and_nothing_else(packages: Packages) -> None:
    """Every module of the tree and every shared file, and no test of either."""
    names = set(zipfile.ZipFile(packages.wheel).namelist())
    modules = {
        str(path.relative_to(TREE))
        for room in ("supervisor", "relay", "portal")
        for path in (TREE / room).rglob("*.py")
    }
    files_of_agent = {
        f"supervisor/share/{path.relative_to(TREE)}"
        for room in ("lib", "share")
        for path in (TREE / "agent" / room).rglob("*.*")
    }
    shared = {f"supervisor/share/{name}" for name in SHARED}
    assert modules | files_of_agent | shared <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "portal",
        "relay",
        "supervisor",
    }
    assert not [name for name in names if "/tests/" in name or name.endswith((".t", ".pyc"))]


def test_the_wheel_says_what_it_is(packages: Packages) -> None:
    """Licence, description, programs: what an administrator looks for first."""
    with zipfile.ZipFile(packages.wheel) as archive:
        (place,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = message_from_bytes(archive.read(place))
        programs = archive.read(place.replace("METADATA", "entry_points.txt")).decode()
        licence = archive.read(place.replace("METADATA", "licenses/LICENSE"))
    assert metadata["License-Expression"] == "MIT"
    assert licence == (TREE / "LICENSE").read_bytes()
    assert "FastX Docker supervisor" in metadata.get_payload()
    assert metadata["Requires-Python"] == ">=3.11"
    assert "fxctl = " in programs
    assert "fx-supervisor = " in programs
    assert "fx-portal = " in programs


def test_pages_bring_what_they_take_from_npm(packages: Packages) -> None:
    """As the lock names it, with its licences, in both; what tests take from there in neither."""
    novnc = "portal/static/vendor/novnc"
    (prefix,) = {name.partition("/")[0] for name in _run("/bin/tar", "-tf", packages.sdist).split()}
    unpacked = {
        name.removeprefix(f"{prefix}/") for name in _run("/bin/tar", "-tf", packages.sdist).split()
    }
    with zipfile.ZipFile(packages.wheel) as archive:
        names = set(archive.namelist())
        version = json.loads(archive.read(f"{novnc}/package.json"))["version"]
    lock = json.loads((TREE / "portal/package-lock.json").read_text())
    assert version == lock["packages"]["node_modules/@novnc/novnc"]["version"]
    static = {str(path.relative_to(TREE)) for path in _pages() if path.is_file()}
    licences = {f"{novnc}/{name}" for name in LICENCES}
    assert static | licences | {f"{novnc}/core/rfb.js"} <= names & unpacked
    assert not [name for name in names | unpacked if "node_modules" in name or "axe" in name]


def _pages() -> Iterator[Path]:
    vendor = TREE / "portal/static/vendor"
    found = (TREE / "portal/static").rglob("*")
    return (path for path in found if not path.is_relative_to(vendor))


def test_the_wheel_is_typed_as_it_says(packages: Packages) -> None:
    """PEP 561: type checkers read annotations of packages that are marked, and of no others."""
    with zipfile.ZipFile(packages.wheel) as archive:
        assert {"supervisor/py.typed", "relay/py.typed", "portal/py.typed"} <= set(
            archive.namelist()
        )


def test_programs_can_be_executed(packages: Packages) -> None:
    """Modes survive the wheel: the agent is executed from where it is installed."""
    with zipfile.ZipFile(packages.wheel) as archive:
        for name in ("agent/bin/fx-session", "agent/build-bundle"):
            mode = archive.getinfo(f"supervisor/share/{name}").external_attr >> 16
            assert mode & 0o777 == 0o755, name


def test_a_second_build_gives_the_same_bytes(packages: Packages, tmp_path: Path) -> None:
    """All three; what differs cannot be verified by anybody else."""
    build(tmp_path, "wheel", "sdist", "deb")
    again = Packages(tmp_path)
    for name in ("wheel", "sdist", "deb"):
        assert _hash(getattr(again, name)) == _hash(getattr(packages, name)), name


def test_the_sdist_builds_the_same_wheel(packages: Packages, tmp_path: Path) -> None:
    """Nothing that the wheel is made of is left out of the sdist."""
    # Not tarfile: Debian 12's has no filters yet.
    _run("/bin/tar", "-xf", packages.sdist, "-C", tmp_path)
    (tree,) = tmp_path.iterdir()
    assert not (tree / "tests").exists()
    build(tmp_path / "built", "wheel", tree=tree)
    assert _hash(Packages(tmp_path / "built").wheel) == _hash(packages.wheel)


def test_a_clean_environment_runs_the_programs(packages: Packages, tmp_path: Path) -> None:
    """What the lock names and the wheel, by hash, are enough."""
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    install = f"{tmp_path}/venv/bin/python -m pip install --no-deps --no-index".split()
    locked = f"--require-hashes --find-links {given('FX_TEST_BUILD_VENV')}/wheels".split()
    _run(*install, *locked, "-r", TREE / "requirements.lock")
    _run(*install, packages.wheel)
    assert "Usage: fxctl" in _run(tmp_path / "venv/bin/fxctl", "--help")
    assert "are in order (" in _run(
        *(tmp_path / "venv/bin/fx-supervisor", "check"), FX_CONFIG_DIR=str(tmp_path)
    )
    (tmp_path / "portal.yaml").write_text("sign_in: {pam: {enabled: false}}\n")
    said = _run(tmp_path / "venv/bin/fx-portal", "check", FX_CONFIG_DIR=str(tmp_path))
    assert "in order" in said


def _run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 ours
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
