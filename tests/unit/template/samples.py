"""Templates, users and starts that the tests share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from supervisor.lifecycle.session import ParamValue, StartRequest
from supervisor.template import (
    RenderContext,
    RenderedSession,
    Template,
    TemplateError,
    UserContext,
    load_template,
    render,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = Path("x.tpl")
USER = UserContext(  # noqa: S604 - shell is a field of passwd, nothing is called
    name="alice",
    uid=1000,
    gid=1000,
    home="/home/alice",
    shell="/bin/bash",
    gecos="Alice O'Hara",
    groups=(1000, 44),
)
CONTEXT = RenderContext(
    user=USER,
    session_id="01jd0000000000000000000000",
    session_name="Terminal",
    host_name="desk1",
)


def load(text: str) -> Template:
    """Load a template's text."""
    return load_template("x", PATH, text.encode())


def faults(text: str | bytes) -> list[str]:
    """Give the faults of a template's text, without the file's name."""
    content = text if isinstance(text, bytes) else text.encode()
    try:
        load_template("x", PATH, content)
    except TemplateError as error:
        return [str(fault).removeprefix("x.tpl:") for fault in error.faults]
    return []


def rendered(
    text: str,
    params: Mapping[str, ParamValue] | None = None,
    **fields: Any,  # noqa: ANN401 - the fields of a start, whichever
) -> RenderedSession:
    """Load and render a template's text for alice, with a command where it takes one."""
    template = load(text)
    if template.uses_command:
        fields.setdefault("command", "xterm")
    return render(template, StartRequest(user="alice", params=params or {}, **fields), CONTEXT)


def render_keys(keys: Mapping[str, Any]) -> RenderedSession:
    """Render a template made of an image and these keys."""
    stream = io.StringIO()
    YAML(typ="safe").dump({"image": "fx/x", **keys}, stream)
    return rendered(stream.getvalue())
