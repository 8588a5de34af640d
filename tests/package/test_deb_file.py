"""The Debian package as a file: what it asks for, and what Debian's own check says of it."""

from __future__ import annotations

import subprocess

from tests.support.packages import Packages


def test_lintian_finds_nothing(packages: Packages) -> None:
    """But for what is overridden, each with its reason."""
    _run("lintian", "--fail-on", "error,warning", "--allow-root", str(packages.deb))


def test_it_fits_the_python_it_was_built_for(packages: Packages) -> None:
    """Compiled modules tie it to one minor version, which dpkg has to know."""
    contents = _run("dpkg-deb", "--contents", str(packages.deb))
    (module,) = (line for line in contents.splitlines() if "/_pydantic_core.cpython-3" in line)
    minor = int(module.split("cpython-3")[1].split("-")[0])
    depends = _run("dpkg-deb", "--field", str(packages.deb), "Depends")
    assert f"python3 (>= 3.{minor}~), python3 (<< 3.{minor + 1}~)" in depends


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 Debian's tools
        command, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
