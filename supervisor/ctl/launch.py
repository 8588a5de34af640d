"""FastX's launcher script: a JSON start object on stdin, one JSON object on stdout.

Two shapes are understood, and keys that belong to neither are passed over:

    {"user": "alice", "template": "docker", "command": "xterm", "params": {...}, "extra": {...}}
    {"user": {"sub": "alice"}, "start": {"command": "xterm", "params": {...}}, "extra": {...}}

The latter may also lie below ``input``. Answered with ``{"result": session}`` or
``{"error": {"name": code, "message": sentence, "errors": [...]}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from supervisor.ctl.client import Client
from supervisor.ctl.errors import BadStartObjectError, code_of
from supervisor.ctl.views import SessionView
from supervisor.ctl.wishes import typed_params
from supervisor.lifecycle.errors import FieldError, SupervisorError
from supervisor.lifecycle.session import ParamValue

MAX_BYTES = 1024 * 1024
_TEXTS = ("template", "command", "geometry", "name")
_DEFAULT_TEMPLATE = "docker"


def read_start_object(stream: BinaryIO) -> dict[str, Any]:
    """What is to be started, as the web server's API takes it. Raises BadStartObjectError."""
    raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise BadStartObjectError(f"The start object on stdin is larger than {MAX_BYTES} bytes.")
    if not raw.strip():
        raise BadStartObjectError("There is nothing on stdin; a JSON start object is expected.")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadStartObjectError(f"What came on stdin is not JSON: {reason[:200]}.") from error
    if not isinstance(value, dict):
        raise BadStartObjectError("What came on stdin is JSON, but not an object.")
    return start_object(value)


def start_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """The flat form of either shape. Raises BadStartObjectError naming every field at fault."""
    inner = value.get("input")
    source = {**value, **inner} if isinstance(inner, Mapping) else value
    start = source.get("start")
    asked = source
    if isinstance(start, Mapping):
        # Beside "start", what is called name or command means something else.
        asked = {**{key: source.get(key) for key in ("template", "extra")}, **start}
    errors: list[FieldError] = []
    wish: dict[str, Any] = {"user": _user(source.get("user"), errors)}
    for name in _TEXTS:
        # Empty fields of a form are wishes not made.
        if (text := asked.get(name)) not in (None, ""):
            wish[name] = _text((name,), text, errors)
    if asked.get("dpi") not in (None, ""):
        wish["dpi"] = _whole(asked["dpi"], errors)
    for name in ("params", "extra"):
        wish[name] = _scalars(name, asked.get(name), errors)
    wish["extra"] = {key: _as_text(entry) for key, entry in wish["extra"].items()}
    if errors:
        listed = "; ".join(f"{'.'.join(map(str, e.loc))} {e.msg}" for e in errors)
        raise BadStartObjectError(f"The start object is wrong: {listed}.", errors=tuple(errors))
    return wish


async def launch(client: Client, wish: Mapping[str, Any]) -> SessionView:
    """Start it. Texts become the declared types first: forms know nothing but texts."""
    params: dict[str, ParamValue] = dict(wish["params"])
    texts = {name: value for name, value in params.items() if isinstance(value, str)}
    if texts:
        template = await client.template(wish.get("template", _DEFAULT_TEMPLATE))
        params |= typed_params(texts, template.params)
    return await client.start({**wish, "params": params})


def result_object(session: SessionView) -> dict[str, Any]:
    """Success, in FastX's words."""
    return {"result": dict(session.document)}


def error_object(error: SupervisorError) -> dict[str, Any]:
    """Failure, in FastX's words."""
    described: dict[str, Any] = {"name": code_of(error), "message": str(error)}
    if error.errors:
        described["errors"] = [{"loc": list(e.loc), "msg": e.msg} for e in error.errors]
    return {"error": described}


def _user(value: object, errors: list[FieldError]) -> str:
    name = value.get("sub") if isinstance(value, Mapping) else value
    if isinstance(name, str) and name:
        return name
    errors.append(FieldError(("user",), "must be a user's name, or an object whose sub is one"))
    return ""


def _text(loc: tuple[str, ...], value: object, errors: list[FieldError]) -> str:
    if not isinstance(value, str):
        errors.append(FieldError(loc, "must be text"))
        return ""
    return value


def _whole(value: object, errors: list[FieldError]) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    errors.append(FieldError(("dpi",), "must be a whole number"))
    return 0


def _scalars(name: str, value: object, errors: list[FieldError]) -> dict[str, ParamValue]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        errors.append(FieldError((name,), "must be an object"))
        return {}
    found: dict[str, ParamValue] = {}
    for key, entry in value.items():
        if isinstance(entry, str | int | float):
            found[key] = entry
        elif entry is not None:
            errors.append(FieldError((name, key), "must be text, a number, true or false"))
    return found


def _as_text(value: ParamValue) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
