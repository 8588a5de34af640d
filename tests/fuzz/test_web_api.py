"""Whatever the OpenAPI document lets a web server say, and what it does not: documented answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.fuzz.daemon import URL, FuzzedDaemon
from tests.support.surroundings import Surroundings

SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.yaml")
STREAMS = {"GET /v1/events", "GET /v1/sessions/{id}/display", "GET /v1/handover"}
"""Answers without end, and upgrades: their own tests speak to them."""
OPERATIONS: list[Any] = [result.ok() for result in SCHEMA.get_all_operations()]  # type: ignore[union-attr] # the document is valid
CASES = [
    (operation, mode)
    for operation in OPERATIONS
    if operation.label.startswith(("GET", "POST", "PATCH", "DELETE"))
    and operation.label not in STREAMS
    and operation.path.startswith("/")
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # A path can be wrong in one way only, which positive cases find: nothing is there.
    if mode is GenerationMode.POSITIVE or operation.body or operation.query
]
load_all_checks()
CHECKED = [
    check
    for check in CHECKS.get_all()
    # A document cannot say which users a host has, nor what a template declares; and an agent that
    # is not there is a server error (503) that has to be documented like any answer.
    if check.__name__ not in {"positive_data_acceptance", "not_a_server_error"}
]


@pytest.mark.parametrize(
    ("operation", "mode"), CASES, ids=[f"{op.label} {mode.value}" for op, mode in CASES]
)
def test_generated_calls_get_documented_answers(
    daemon: FuzzedDaemon,
    site: Surroundings,
    running: str,
    operation: Any,  # noqa: ANN401 schemathesis'
    mode: GenerationMode,
) -> None:
    """Status, media type, headers and body as documented; never 500; nothing bad is taken."""
    cases: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)

    # Each picture of a session without an agent is waited for.
    examples = 6 if "screenshot" in operation.path else 40

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(case=cases, known=st.booleans())
    def check(case: Any, known: bool) -> None:  # noqa: ANN401, FBT001 schemathesis'
        if known and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = running
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and "user" in case.body:
            case.body["user"] = site.user
        if case.query:
            case.query.pop("follow", None)
        response = case.call(base_url=URL, session=daemon.web, timeout=20)
        assert response.status_code != 500, response.text
        if (
            response.status_code != 413
        ):  # a refusal as good as any, which schemathesis does not know
            case.validate_response(response, checks=CHECKED)

    check()
    assert daemon.is_ready()
