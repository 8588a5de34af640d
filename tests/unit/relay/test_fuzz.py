"""Whatever is generated from the document, and against it: documented answers, never a failure."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from yarl import URL

from tests.unit.relay.conftest import config_in
from tests.unit.relay.test_lifetime import relay_at
from tests.unit.relay.test_openapi import DOCUMENT, resolved

SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: list[Any] = [result.ok() for result in SCHEMA.get_all_operations()]  # type: ignore[union-attr] # the document is valid
CASES = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS] + [
    (operation, GenerationMode.NEGATIVE)
    for operation in OPERATIONS
    if operation.label
    in {
        *("POST /v1/sessions", "GET /v1/sessions"),
        *("POST /v1/sessions/{id}/tickets", "POST /v1/sessions/{id}/exec"),
    }
]


class Background:
    """A relay on a loop of its own: hypothesis is synchronous."""

    def __init__(self, directory: Path) -> None:
        self._config = config_in(directory)
        self._up: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._loop = self._up.result(10)

    async def _run(self) -> None:
        relay = relay_at(self._config)
        await relay.start()
        self._done = asyncio.Event()
        self._up.set_result(asyncio.get_running_loop())
        await self._done.wait()
        await relay.stop(2.0)

    def close(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def ask(self, case: Any) -> tuple[int, str, bytes]:  # noqa: ANN401 schemathesis'
        """Status, media type and body (of a stream: nothing)."""
        return asyncio.run_coroutine_threadsafe(self._ask(case), self._loop).result(20)

    async def _ask(self, case: Any) -> tuple[int, str, bytes]:  # noqa: ANN401 schemathesis'
        connector = aiohttp.UnixConnector(path=str(self._config.web_socket))
        url = URL("http://relay" + case.formatted_path, encoded=True)
        query = {key: str(value) for key, value in (case.query or {}).items()}
        headers = {
            key: value
            for key, value in (case.headers or {}).items()
            if isinstance(value, str) and value.isprintable() and value.isascii()
        }
        body = case.body
        data = json.dumps(body).encode() if isinstance(body, dict | list | str | int) else None
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.request(
                case.method, url.update_query(query), headers=headers, data=data
            ) as response,
        ):
            streams = response.content_type == "text/event-stream"
            return (
                response.status,
                response.content_type,
                b"" if streams else await response.read(),
            )


@pytest.fixture
def background(directory: Path) -> Iterator[Background]:
    """A relay in the background."""
    running = Background(directory)
    yield running
    running.close()


@pytest.mark.parametrize(
    ("operation", "mode"), CASES, ids=[f"{op.label} {mode.value}" for op, mode in CASES]
)
def test_generated_calls_get_documented_answers(
    background: Background,
    operation: Any,  # noqa: ANN401 schemathesis'
    mode: GenerationMode,
) -> None:
    """Status, media type and schema as documented; never 500."""
    cases: st.SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=cases)
    def check(case: Any) -> None:  # noqa: ANN401 schemathesis'
        status, media, body = background.ask(case)
        assert status < 500, body
        if status in (404, 405):
            return
        documented = operation.definition.raw["responses"]
        assert str(status) in documented, (status, body)
        content = resolved(documented[str(status)]).get("content", {})
        assert not content or media in content
        if media.endswith("json") and body:
            schema = {**content[media]["schema"], "components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(body))

    check()
