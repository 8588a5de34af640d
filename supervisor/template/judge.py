"""Holds a tree against its schema and says what is wrong in a template author's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from supervisor.phrasing import did_you_mean, keys_beside, phrase
from supervisor.template.text import UNREADABLE, ShellLine, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from supervisor.template.document import Tree
    from supervisor.template.errors import Loc

M = TypeVar("M", bound=BaseModel)

_COMMANDS: Final = frozenset({"command", "entrypoint", "healthcheck"})
_CONTAINER_TYPES: Final = frozenset(
    {"list_type", "dict_type", "model_type", "model_attributes_type"},
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at ``loc``; ``at_key`` where the key is at fault and not its value."""

    loc: Loc
    message: str
    at_key: bool = False


def judged(model: type[M], tree: Mapping[str, Tree]) -> tuple[M | None, tuple[Problem, ...]]:
    """Validate a tree; leaves that are still ``Text`` are passed over, their type not yet known.

    Gives the model where nothing is wrong and nothing open, and the problems found.
    """
    try:
        return model.model_validate(tree), ()
    except ValidationError as error:
        problems: dict[Loc, Problem] = {}
        for detail in error.errors(include_url=False):
            if not _is_open(detail):
                problem = _problem(model, detail, tree)
                problems.setdefault(problem.loc, problem)
        return None, tuple(problems.values())


def _is_open(detail: ErrorDetails) -> bool:
    """Tell whether the error only says that a placeholder is no value yet.

    A placeholder where a list or a mapping belongs can never become one.
    """
    if detail["input"] is UNREADABLE:
        return True
    return isinstance(detail["input"], (Text, ShellLine)) and detail["type"] not in _CONTAINER_TYPES


def _problem(model: type[BaseModel], detail: ErrorDetails, tree: Mapping[str, Tree]) -> Problem:
    loc = _known_loc(detail["loc"], tree)
    if detail["type"] == "missing":
        return Problem((*loc, detail["loc"][-1]), "this key is required", at_key=True)
    meant = ""
    if detail["type"] == "extra_forbidden":
        meant = did_you_mean(str(detail["loc"][-1]), keys_beside(model, detail["loc"]))
    at_key = detail["type"] == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
    return Problem(loc, phrase(detail) + meant, at_key=at_key)


def _known_loc(loc: Loc, tree: Mapping[str, Tree]) -> Loc:
    """Without what pydantic adds for unions, and what writing out short forms added."""
    found: list[str | int] = []
    here: object = tree
    for part in loc:
        match here, part:
            case dict(), str() if part in here:
                here = here[part]
            case list(), int() if part < len(here):
                here = here[part]
            case _:
                continue
        found.append(part)
    return as_written(tuple(found))


def as_written(loc: Loc) -> Loc:
    """Without the keys that writing out a command's short forms added."""
    if not loc or loc[0] not in _COMMANDS:
        return loc
    return tuple(part for part in loc if part not in {"argv", "shell"})
