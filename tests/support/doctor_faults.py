"""Faults for ``fxctl doctor`` to find: planted in an installation in which all is well."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.altered_engine import AlteredEngine
from tests.support.daemon import Daemon


@dataclass(frozen=True, slots=True)
class Stage:
    """An installation in which all is well, and what faults can be planted in."""

    daemon: Daemon
    engine: AlteredEngine

    @property
    def config_file(self) -> Path:
        """Its supervisor.yaml."""
        return self.daemon.config / "supervisor.yaml"


Plant = Callable[[Stage], AbstractContextManager[None]]


def says(path: str, **words: Any) -> Plant:  # noqa: ANN401 JSON
    """The engine says something else."""
    return lambda stage: stage.engine.altered(path, lambda document: document.update(words))


def template(text: str) -> Plant:
    """A template more."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = stage.daemon.write_template("planted", text.format(site=stage.daemon.site))
        yield
        path.unlink()

    return plant


def setting(**sections: Any) -> Plant:  # noqa: ANN401 JSON
    """Other words in supervisor.yaml, which looks as old as it was."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        status, before = stage.config_file.stat(), stage.config_file.read_text()
        document = json.loads(before)
        for section, words in sections.items():
            document[section] = {**document.get(section, {}), **words}
        _write_as_old(stage.config_file, json.dumps(document), status)
        yield
        _write_as_old(stage.config_file, before, status)

    return plant


def _write_as_old(path: Path, text: str, status: os.stat_result) -> None:
    path.write_text(text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def mode(bits: int, place: Callable[[Stage], Path]) -> Plant:
    """Another mode of a file or directory."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = place(stage)
        before = path.stat().st_mode & 0o7777
        path.chmod(bits)
        yield
        path.chmod(before)

    return plant


@contextmanager
def belongs_to_root(stage: Stage) -> Iterator[None]:
    """The state directory, as after a restore from a backup."""
    status = stage.daemon.local.stat()
    os.chown(stage.daemon.local, 0, 0)
    yield
    os.chown(stage.daemon.local, status.st_uid, status.st_gid)


@contextmanager
def changed_since(stage: Stage) -> Iterator[None]:
    """Supervisor.yaml was edited, and nobody has told the daemon."""
    status = stage.config_file.stat()
    os.utime(stage.config_file)
    yield
    os.utime(stage.config_file, ns=(status.st_atime_ns, status.st_mtime_ns))


def bundle(spoil: Callable[[Path], None]) -> Plant:
    """Another bundle: links to the real one, and one thing wrong."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="fxb-") as made:
            copy = Path(made) / "bundle"
            real = stage.daemon.site.bundle
            shutil.copytree(real, copy, copy_function=_link, symlinks=True)
            spoil(copy)
            with setting(agent={"bundle": str(copy)})(stage):
                yield

    return plant


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def _of_another_machine(copy: Path) -> None:
    program = copy / "bin" / "Xtigervnc"
    raw = bytearray(program.read_bytes())
    raw[18] = 183
    program.unlink()
    program.write_bytes(raw)


def secret(bits: int, text: str) -> Plant:
    """A webhook's secret in a file of this mode."""

    @contextmanager
    def plant(stage: Stage) -> Iterator[None]:
        path = stage.daemon.directory / "secret"
        path.write_text(text)
        path.chmod(bits)
        webhook = {"url": "http://127.0.0.1:9/", "secret_files": [str(path)]}
        with setting(relay={"webhook": webhook})(stage):
            yield
        path.unlink()

    return plant


GOOD_SECRET = "whsec_" + "A" * 43 + "="

FAULTS: dict[str, tuple[Plant, str, str]] = {
    "userns-remap": (
        says("/info", SecurityOptions=["name=seccomp,profile=default", "name=userns"]),
        "user-ids",
        "fault",
    ),
    "rootless": (
        says("/info", SecurityOptions=["name=seccomp,profile=default", "name=rootless"]),
        "user-ids",
        "fault",
    ),
    "no memory limit": (
        says("/info", MemoryLimit=False, Warnings=["WARNING: No memory limit support"]),
        "limits",
        "fault",
    ),
    "no pids limit": (says("/info", PidsLimit=False), "limits", "fault"),
    "limits dropped": (
        lambda stage: stage.engine.altered(
            "/containers/fx-probe-doctor-[^/]*/json",
            lambda document: document["HostConfig"].update(Memory=0),
        ),
        "limits",
        "fault",
    ),
    "no swap limit": (says("/info", SwapLimit=False), "limits", "warning"),
    "clock off": (says("/info", SystemTime="2020-01-01T00:00:00.123456789Z"), "clock", "fault"),
    "live-restore": (says("/info", LiveRestoreEnabled=True), "live-restore", "warning"),
    "API too old": (
        says("/version", ApiVersion="1.40", Version="19.03.15"),
        "engine-version",
        "fault",
    ),
    "slow storage": (says("/info", Driver="vfs"), "storage", "warning"),
    "no seccomp": (says("/info", SecurityOptions=[]), "confinement", "warning"),
    "no forwarding": (says("/info", IPv4Forwarding=False), "forwarding", "warning"),
    "full bridge": (
        says("/networks/[0-9a-f]{64}", Containers={f"{n:064x}": {} for n in range(1000)}),
        "networks",
        "fault",
    ),
    "closed engine socket": (
        mode(0o600, lambda stage: stage.engine.path),
        "engine-access",
        "fault",
    ),
    "broken template": (template("image: [\n"), "templates", "fault"),
    "forbidden template": (
        template("image: {site.sample}\nprivileged: true\n"),
        "template-policy",
        "fault",
    ),
    "image missing": (template("image: fx-nowhere:none\npull_policy: never\n"), "images", "fault"),
    "image to be fetched": (template("image: fx-nowhere:none\n"), "images", "warning"),
    "image without perl": (template("image: {site.no_perl}\n"), "perl", "fault"),
    "bundle missing": (setting(agent={"bundle": "/nonexistent"}), "bundle", "fault"),
    "bundle incomplete": (bundle(lambda copy: (copy / "bin/xkbcomp").unlink()), "bundle", "fault"),
    "bundle of another machine": (bundle(_of_another_machine), "bundle-architecture", "fault"),
    "unknown key": (setting(limits={"most_sessions": 3}), "config", "fault"),
    "unknown web user": (
        setting(relay={"web": {"allow_users": ["fx-nobody-there"]}}),
        "config",
        "fault",
    ),
    "config for everybody": (mode(0o666, lambda stage: stage.config_file), "config-files", "fault"),
    "templates for everybody": (
        mode(0o777, lambda stage: stage.daemon.config / "launcher-templates"),
        "config-files",
        "fault",
    ),
    "config not loaded": (changed_since, "config-current", "warning"),
    "policy gives away": (setting(policy={"allow": ["privileged"]}), "policy", "warning"),
    "secret for everybody": (secret(0o644, GOOD_SECRET), "secrets", "warning"),
    "secret that is none": (secret(0o600, "hunter2"), "secrets", "fault"),
    "secret not for the daemon": (secret(0o600, GOOD_SECRET), "secrets", "fault"),
    "run directory for everybody": (
        mode(0o777, lambda stage: stage.daemon.run),
        "run-directory",
        "fault",
    ),
    "sessions open": (
        mode(0o755, lambda stage: stage.daemon.run / "sessions"),
        "run-directory",
        "fault",
    ),
    "state directory for everybody": (
        mode(0o777, lambda stage: stage.daemon.local),
        "state-directory",
        "fault",
    ),
    "database open": (
        mode(0o644, lambda stage: stage.daemon.local / "supervisor.db"),
        "state-directory",
        "fault",
    ),
    "state directory of another": (belongs_to_root, "state-directory", "fault"),
    "too many sessions for a bridge": (
        setting(limits={"max_sessions": 1200}),
        "networks,processes",
        "warning",
    ),
}
