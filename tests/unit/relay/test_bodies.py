"""JSON is JSON: what some parsers let through is refused here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.bodies import parse_json


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": -1e999}',
        '{"a": 1, "a": 2}',
        '{"b": {"a": 1, "a": 2}}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        "[" * 100_000,
        "[" * 40 + "]" * 40,
        '{"a":' * 40 + "1" + "}" * 40,
        "1" * 10_000,
        '{"a": 1} x',
        "\ufeff{}",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_not_strictly_json_is_refused(text: str) -> None:
    """As ValueError or RecursionError, which become 400."""
    with pytest.raises((ValueError, RecursionError)):
        parse_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_what_json_says_is_taken(value: object) -> None:
    """Every value comes back."""
    import json  # noqa: PLC0415 the reference

    assert parse_json(json.dumps(value)) == value
