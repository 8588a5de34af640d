"""Fills placeholders in, once and for all: what comes out is never read as template again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from supervisor.lifecycle.errors import FieldError
from supervisor.template.names import EXTRA_PREFIX, PARAM_PREFIX
from supervisor.template.quantities import number_text
from supervisor.template.shell import COMMAND_NAME, quoted
from supervisor.template.text import Placeholder, ShellLine, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.lifecycle.session import ParamValue
    from supervisor.template.document import Tree

RAW_SECTIONS = frozenset({"host_config", "container_config"})


def text_of(value: ParamValue) -> str:
    """Write a value as it stands in a template: booleans as YAML has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else number_text(value)


@dataclass(slots=True)
class Substitution:
    """Names to values for one start, and which of them turned out to be missing."""

    values: Mapping[str, ParamValue]
    missing: list[FieldError] = field(default_factory=list)

    def filled(self, tree: Tree, *, raw: bool = False) -> Any:  # noqa: ANN401 - plain JSON
        """Copy the tree with every placeholder filled in.

        ``raw`` sections have no declared types: a leaf that is one placeholder keeps its value's
        type there, so that a number stays one.
        """
        match tree:
            case dict():
                return {key: self.filled(value, raw=raw) for key, value in tree.items()}
            case list():
                return [self.filled(value, raw=raw) for value in tree]
            case Text():
                sole = tree.sole
                if raw and sole is not None and self._has(sole):
                    return self.values[sole.name]
                return self._text(tree)
            case ShellLine():
                return self._command_line(tree.text)
            case _:
                return tree

    def _text(self, text: Text) -> str:
        return "".join(
            segment if isinstance(segment, str) else self._value(segment)
            for segment in text.segments
        )

    def _command_line(self, text: Text) -> str:
        """Fill in values as one word each; the user's command is a command line already."""
        pieces: list[str] = []
        for segment in text.segments:
            if isinstance(segment, str):
                pieces.append(segment)
            elif segment.name != COMMAND_NAME:
                pieces.append(quoted(self._value(segment)))
            elif self._has(segment) or segment.default is None:
                pieces.append(self._value(segment))
            else:
                pieces.append(self._command_line(segment.default))
        return "".join(pieces)

    def _has(self, placeholder: Placeholder) -> bool:
        """As in Compose, ``:-`` and ``:?`` take an empty value for none."""
        if placeholder.name not in self.values:
            return False
        wants_content = placeholder.default is not None or placeholder.message is not None
        return not wants_content or self.values[placeholder.name] != ""

    def _value(self, placeholder: Placeholder) -> str:
        if self._has(placeholder):
            return text_of(self.values[placeholder.name])
        if placeholder.default is not None:
            return self._text(placeholder.default)
        message = placeholder.message or f"must be given: the template uses ${{{placeholder.name}}}"
        error = FieldError(request_loc(placeholder.name), message)
        if error not in self.missing:
            self.missing.append(error)
        return ""


def request_loc(name: str) -> tuple[str, ...]:
    """Tell which field of the request a placeholder's value comes from."""
    if name.startswith(PARAM_PREFIX):
        return ("params", name.removeprefix(PARAM_PREFIX))
    if name.startswith(EXTRA_PREFIX):
        return ("extra", name.removeprefix(EXTRA_PREFIX))
    section, _, field_name = name.partition(".")
    return (field_name,) if section == "start" else (section,)
