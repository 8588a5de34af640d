"""Whatever stands in a file or a request, the answer is a template, a session or a proper error."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from supervisor.engine.payload import container_body, extra_networks, spec_hash
from supervisor.lifecycle.session import StartRequest
from supervisor.template import (
    TemplateError,
    TemplateValueError,
    load_template,
    params_json_schema,
    render,
)
from supervisor.template.schema.head import head_keys
from supervisor.template.schema.service import REFUSED, service_keys
from tests.unit.template.samples import CONTEXT, PATH

WORDS = st.sampled_from(
    [
        "/a", "/a:/b", "/a:/b:ro", "a:b", "${user.home}", "${start.command}", "${extra.x}:/y",
        "all", "${user.name}=1",
        "A=${user.name}", "1g", "10s", "none", "80", "1-5:1-5", "a", "", "=", ":",
        "host", "1:2:3:4:5", "~", "$", "${", "NONE", "CMD", "/run:size=${extra.x}", "0.5", "-1",
        "string", "integer", "choice", "service:a", "192.0.2.1", "::1", "node.id == 1", "seccomp=x",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    WORDS, st.text(max_size=8), st.integers(-2, 2**65), st.floats(), st.booleans(), st.none()
)
INNER_KEYS = st.sampled_from(
    [
        "type", "source", "target", "default", "min", "max", "choices", "value", "label", "test",
        "driver", "options", "soft", "hard", "aliases", "ipv4_address", "published", "count",
        "device_ids", "resources", "limits", "memory", "placement", "preferences", "spread", "bind",
        "tmpfs", "size", "mode", "path", "weight", "rate", "weight_device", "pattern", "lifetime",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(INNER_KEYS | WORDS, inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(service_keys() | head_keys() | set(REFUSED)))


def _expect_faults(error: TemplateError, last_line: int = 10**6) -> None:
    assert error.faults
    assert all(1 <= fault.line <= last_line and fault.column >= 1 for fault in error.faults)


def _expect_fields(error: TemplateValueError) -> None:
    assert error.errors


def _dumped(tree: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    YAML(typ="safe").dump(tree, stream)
    return stream.getvalue()


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.text(max_size=10))
def test_any_template_loads_or_says_why(tree: dict[str, Any], extra: str) -> None:
    """A template of known keys and odd values loads and renders, or is refused with its faults."""
    try:
        template = load_template("x", PATH, _dumped({"image": "fx/x"} | tree))
    except TemplateError as error:
        _expect_faults(error)
        return
    params_json_schema(template)
    command = "xterm" if template.uses_command else None
    request = StartRequest(user="alice", command=command, extra={"x": extra})
    try:
        spec = render(template, request, CONTEXT).spec
    except TemplateValueError as error:
        _expect_fields(error)
        return
    assert spec_hash(container_body(spec))
    extra_networks(spec)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(str.encode)
)
def test_any_bytes_load_or_say_why(content: bytes) -> None:
    """A file of anything at all is refused with its faults, never with another error."""
    try:
        load_template("x", PATH, content)
    except TemplateError as error:
        _expect_faults(error)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=2), st.data())
def test_every_fault_lies_inside_the_file(tree: dict[str, Any], data: st.DataObject) -> None:
    """Faults point at lines that the file has."""
    content = _dumped(tree)
    cut = data.draw(st.integers(0, len(content)))
    try:
        load_template("x", PATH, content[:cut])
    except TemplateError as error:
        _expect_faults(error, last_line=content[:cut].count(b"\n") + 1)
