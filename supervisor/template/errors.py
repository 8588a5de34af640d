"""What can be wrong with a template, and with what a user asks of one.

SupervisorError
├── TemplateError             the file is at fault; every fault of it at once
└── InvalidRequestError
    └── TemplateValueError    the file is sound, but not with the values of this start
        └── ParamsInvalidError    a value of ``params`` is not what was declared
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.lifecycle.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

Loc = tuple[str | int, ...]
"""Path to a value in a document: keys and list indices, outermost first."""


def loc_text(loc: Loc) -> str:
    """``("volumes", 0, "target")`` as ``volumes.0.target``."""
    return ".".join(str(part) for part in loc)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a template file. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    loc: str
    message: str

    def __str__(self) -> str:
        """Compiler style, so that editors can jump to it."""
        place = f"{self.path}:{self.line}:{self.column}"
        return f"{place}: {self.loc}: {self.message}" if self.loc else f"{place}: {self.message}"


class TemplateError(InvalidRequestError):
    """A template file that cannot be used until somebody mends it: ask for another until then."""

    code = "template_invalid"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class TemplateValueError(InvalidRequestError):
    """The template cannot be rendered with the values of this start."""


class ParamsInvalidError(TemplateValueError):
    """Values of ``params`` that the template does not declare or does not allow."""

    code = "params_invalid"
