"""The node, for administrators: looked at, cordoned, drained, opened again."""

from __future__ import annotations

from typing import Annotated

import structlog
from aiohttp import web
from pydantic import Field

from portal.access import Person
from portal.errors import ForbiddenError
from portal.upstream.client import Upstream
from portal.web.answers import json_answer
from portal.web.bodies import Body, read_body
from portal.web.caller import remote_of, signed_in

_VERBS = ("cordon", "drain", "undrain")

_log = structlog.get_logger()


class Order(Body):
    """``POST /api/node/...``; ``terminate`` is for a drain: sessions are asked to end."""

    reason: Annotated[str, Field(max_length=256)] | None = None
    terminate: bool | None = None


class NodeApi:
    """The calls under ``/api/node``."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/api/node", self.show),
            *(web.post(f"/api/node/{verb}", self.order) for verb in _VERBS),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """200: the relay's node."""
        _administrator(request)
        return json_answer((await self._upstream.call("GET", "/v1/node")).object)

    async def order(self, request: web.Request) -> web.Response:
        """200: the node as it is then."""
        person = _administrator(request)
        asked = await read_body(request, Order)
        verb = request.path.rpartition("/")[2]
        body = {**asked.model_dump(exclude_none=True), "by": person.user}
        answer = await self._upstream.call("POST", f"/v1/node/{verb}", body)
        remote = remote_of(request).address
        _log.info("node_ordered", verb=verb, user=person.user, remote=remote, reason=asked.reason)
        return json_answer(answer.object)


def _administrator(request: web.Request) -> Person:
    person, _ = signed_in(request)
    if not person.is_administrator:
        raise ForbiddenError("administrators_only", "The node is for administrators.")
    return person
