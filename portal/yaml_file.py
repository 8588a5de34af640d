"""A YAML file as a pydantic model, every fault with its place."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from portal.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)
_Loc = tuple[str | int, ...]

_PHRASES = {
    "extra_forbidden": "unknown key",
    "missing": "this key is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
}


def read_yaml(source: Path, model: type[_Model]) -> _Model:
    """The file as the model. Raises ConfigError with one ``file:line:column`` fault per line."""
    document = _parsed(source)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = sorted(
            (*_place(document, each["loc"]), _told(each, model)) for each in error.errors()
        )
        lines = [f"{source}:{line}:{column}: {text}" for line, column, text in faults]
        raise ConfigError("\n".join(lines)) from None


def _parsed(source: Path) -> Any:  # noqa: ANN401 whatever the file holds
    try:
        document = YAML(typ="rt").load(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{source}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{source}: cannot be read: {reason}.") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError(f"{source}:{line}:{column}: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}:1:1: {error}") from error
    return {} if document is None else document


def _told(fault: ErrorDetails, model: type[BaseModel]) -> str:
    loc = fault["loc"]
    where = ".".join(map(str, loc)) or "the file"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)
    text = f"{where}: {_PHRASES.get(fault['type'], message)}"
    if fault["type"] != "extra_forbidden":
        return text
    close = difflib.get_close_matches(str(loc[-1]), _keys_beside(model, loc), n=1)
    return f"{text}; did you mean {close[0]}?" if close else text


def _keys_beside(model: type[BaseModel], loc: _Loc) -> list[str]:
    """The keys that are known where the last part of ``loc`` is not."""
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        found = [each for each in _kinds(field.annotation if field else None) if each]
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def _kinds(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 any annotation
    candidates = (annotation, *get_args(annotation))
    return [each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)]


def _place(document: Any, loc: _Loc) -> tuple[int, int]:  # noqa: ANN401 whatever the file holds
    """Line and column (from 1) of the deepest part of ``loc`` that the file holds."""
    line, column = 1, 1
    for key in loc:
        if isinstance(document, CommentedMap) and key in document:
            # What a merge key (<<) brings in has no place of its own here.
            place = (document.lc.data or {}).get(key, (line - 1, column - 1))
            line, column = place[0] + 1, place[1] + 1
        elif isinstance(document, CommentedSeq) and isinstance(key, int) and key < len(document):
            line, column = (number + 1 for number in document.lc.item(key))
        else:
            break
        document = document[key]
    return line, column
