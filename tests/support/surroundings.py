"""What ``scripts/test`` has prepared for tests that need the real thing."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The installed product, an X server bundle, images, and a user to start sessions for."""

    venv: Path
    """Where ``fx-supervisor`` and ``fxctl`` are installed from the wheel."""
    bundle: Path
    account: pwd.struct_passwd
    sample: str
    """An image with xterm."""
    perl_base: str
    """An image of another Debian release that holds nothing but perl-base."""
    no_perl: str

    @property
    def user(self) -> str:
        """Whose sessions are started."""
        return self.account.pw_name

    @property
    def home(self) -> Path:
        """Their home directory."""
        return Path(self.account.pw_dir)


def surroundings() -> Surroundings:
    """Read them from the environment. Raises LookupError: a missing one is no reason to skip."""
    return Surroundings(
        venv=Path(given("FX_TEST_RUNTIME_VENV")),
        bundle=Path(given("FX_TEST_BUNDLE_DIR")).resolve(),
        account=pwd.getpwnam(given("FX_TEST_USER")),
        sample=given("FX_TEST_IMAGE_SAMPLE"),
        perl_base=given("FX_TEST_IMAGE_PERL_BASE"),
        no_perl=given("FX_TEST_IMAGE_NO_PERL"),
    )


def given(name: str) -> str:
    """What scripts/test says in the environment. Raises LookupError."""
    value = os.environ.get(name)
    if not value:
        raise LookupError(f"{name} is not set: run these tests by way of scripts/test")
    return value
