"""The webhook: every change is posted, as documented, in order per session."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import jsonschema
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from supervisor.lifecycle.effects import EventKind
from tests.support.turning import until
from tests.support.webhook_receiver import Delivery, refuse, refuse_session
from tests.unit.reactor.fakes import Clock
from tests.unit.relay.posting import Office
from tests.unit.relay.test_openapi import DOCUMENT


async def test_every_change_is_posted(office: Office) -> None:
    """One POST each: the event stream's object, its type, and when it was committed."""
    async with office.life():
        (update,) = await office.commit("a")
        office.now.at += 1.5
        (delete,) = await office.commit("a", EventKind.DELETE)
        await until(lambda: len(office.receiver.came) == 2)
    first, second = office.receiver.came
    assert first.document == {
        "type": "session.update",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": json.loads(update.data),
    }
    assert second.document == {
        "type": "session.delete",
        "timestamp": "2023-11-14T22:13:21.500Z",
        "data": json.loads(delete.data),
    }
    assert first.headers["Content-Type"] == "application/json"
    assert (first.path, first.id != second.id) == ("/hook", True)


async def test_it_is_as_documented(office: Office) -> None:
    """What is posted, and what the node says of it, have the published form."""
    async with office.life() as webhook:
        await office.commit("a")
        await office.commit("a", EventKind.DELETE)
        await until(lambda: len(office.receiver.came) == 2)
        require_schema("Webhook", dict(webhook.state()))
    require_schema("Webhook", dict(office.webhook().state()))
    for delivery in office.receiver.came:
        require_schema("WebhookEvent", delivery.document)


def require_schema(name: str, document: dict[str, Any]) -> None:
    """Raises ValidationError unless the document is as the published schema says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    formats = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(schema, format_checker=formats).validate(document)


async def test_order_holds_per_session(office: Office) -> None:
    """However often the receiver fails, each change of a session comes after the one before."""
    chance = random.Random(1)  # noqa: S311 the same each time

    async def fickle(delivery: Delivery, request: web.Request) -> web.StreamResponse:
        if chance.randrange(5) == 0 and request.transport is not None:
            request.transport.abort()
        status = chance.choice([204, 204, 200, 500, 404, 302])
        return await refuse(status)(delivery, request)

    office.receiver.answer = fickle
    async with office.life():
        for _ in range(10):
            await office.commit("abcdefgh")
        await office.delivered()
    office.require_order()


async def test_connections_are_kept(office: Office) -> None:
    """Hundreds of changes of one session go over one connection."""
    await office.commit("a" * 300)
    async with office.life():
        await office.delivered()
    office.require_order()
    assert len({delivery.port for delivery in office.receiver.came}) == 1


async def test_redirects_are_not_followed(office: Office) -> None:
    """Whoever answers 307 does not make the daemon post events somewhere else."""
    office.receiver.answer = refuse_session("a", refuse(307, Location="/elsewhere"))
    await office.commit("a")
    async with office.life():
        await until(lambda: len(office.receiver.came) > 2)
    assert {each.path for each in office.receiver.came} == {"/hook"}
    assert office.receiver.accepted == []


@pytest.mark.parametrize("piece", [b"x" * 65536, b""])
async def test_endless_answers_are_cut_off(office: Office, piece: bytes) -> None:
    """The status is what counts; a body that does not end is not waited for."""

    async def endless(_delivery: Delivery, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        office.receiver.accepted.append(_delivery)
        while True:
            await response.write(piece) if piece else await asyncio.sleep(3600)

    office.receiver.answer = endless
    await office.commit("aab")
    async with office.life():
        await office.delivered()
    office.require_order()
    assert len(office.receiver.came) == 3, "each was delivered once"


async def test_connections_that_the_receiver_closes(office: Office) -> None:
    """A kept connection that is closed under a request is nobody's fault: no failure, no wait."""
    clock = Clock(0.0)

    async def close_afterwards(_delivery: Delivery, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        asyncio.get_running_loop().call_later(0.002, transport.abort)
        return web.Response(status=204)

    office.receiver.answer = close_afterwards
    with capture_logs() as logs:
        async with office.life(clock):
            for _ in range(20):
                await office.commit("a")
                await office.delivered()
                await until(lambda: not office.receiver.under_way)
    office.require_order()
    assert [line["event"] for line in logs] == ["webhook_started"]
