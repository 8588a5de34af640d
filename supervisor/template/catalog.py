"""Finds templates by name: the administrator's directory first, then the shipped one.

A file is read again when it changes and not before. A faulty file hides the shipped template of
its name rather than falling back to it: the administrator meant to replace it. A link to /dev/null
takes the name away, as it does systemd's units.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supervisor.lifecycle.errors import TemplateNotFoundError
from supervisor.share import templates_directory
from supervisor.template.document import MAX_BYTES
from supervisor.template.errors import Fault, TemplateError
from supervisor.template.loader import load_template

if TYPE_CHECKING:
    from supervisor.template.template import Template

SUFFIX: Final = ".tpl"
DIRECTORY_NAME: Final = "launcher-templates"
SHIPPED: Final = templates_directory()
_MASK: Final = "/dev/null"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a file was when last read, and what came of it."""

    signature: _Signature
    template: Template | None
    faults: tuple[Fault, ...] = ()


class TemplateCatalog:
    """The templates there are, by name. Calls read files; they do not block on anything else."""

    def __init__(self, config_dir: Path, shipped: Path = SHIPPED) -> None:
        self._directories = (config_dir / DIRECTORY_NAME, shipped)
        self._entries: dict[Path, _Entry] = {}

    def reread(self) -> None:
        """Believe nothing of what was read before."""
        self._entries.clear()

    def names(self) -> tuple[str, ...]:
        """Give the names of all templates, faulty ones included, in order."""
        return tuple(sorted(self._paths()))

    def get(self, name: str) -> Template:
        """Give the template as it stands on disk now.

        Raises TemplateNotFoundError, or TemplateError with every fault of the file.
        """
        path = self._paths().get(name)
        entry = self._entry(name, path) if path is not None else None
        if entry is None:
            listed = ", ".join(self.names()) or "none"
            msg = f"no launcher template is called {name[:64]!r}; there are: {listed}"
            raise TemplateNotFoundError(msg)
        if entry.template is None:
            raise TemplateError(entry.faults)
        return entry.template

    def faults(self) -> tuple[Fault, ...]:
        """Give every fault of every file, including names that can never be asked for."""
        found: list[Fault] = []
        for path in self._files():
            if is_mask(path):
                continue
            if _NAME.fullmatch(path.stem) is None:
                rule = "lower-case letters, digits, - and _, at most 64"
                found.append(Fault(str(path), 1, 1, "", f"the file's name must be {rule}"))
                continue
            entry = self._entry(path.stem, path)
            found.extend(entry.faults if entry is not None else ())
        return tuple(found)

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for directory in self._directories:
            try:
                files += sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
            except (FileNotFoundError, NotADirectoryError):
                continue
        return files

    def _paths(self) -> dict[str, Path]:
        paths: dict[str, Path] = {}
        for path in self._files():
            if _NAME.fullmatch(path.stem):
                paths.setdefault(path.stem, path)
        return {name: path for name, path in paths.items() if not is_mask(path)}

    def _entry(self, name: str, path: Path) -> _Entry | None:
        """Read a file unless it is known as it is; None where it has just disappeared."""
        try:
            known = self._entries.get(path)
            if known is None or known.signature != _signature(path.stat()):
                known = self._entries[path] = _load(name, path)
        except FileNotFoundError:
            self._entries.pop(path, None)
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            unread = Fault(str(path), 1, 1, "", f"cannot be read: {reason}")
            return _Entry((0, 0, 0, 0), None, (unread,))
        return known


def is_mask(path: Path) -> bool:
    """Whether this file stands for no template, not even the shipped one."""
    return path.is_symlink() and os.path.realpath(path) == _MASK


def _load(name: str, path: Path) -> _Entry:
    signature, content = _read(path)
    try:
        return _Entry(signature, load_template(name, path, content))
    except TemplateError as error:
        return _Entry(signature, None, error.faults)


def _signature(status: os.stat_result) -> _Signature:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def _read(path: Path) -> tuple[_Signature, bytes]:
    """Read a regular file; O_NONBLOCK keeps a FIFO of that name from blocking the daemon."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file")
        return _signature(status), file.read(MAX_BYTES + 1)
