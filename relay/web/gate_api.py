"""Whether the node takes new sessions: cordon, drain, undrain. Each is idempotent."""

from __future__ import annotations

import pwd

from aiohttp import web

from relay.bodies import read_json
from relay.calls import current_call
from relay.config import RelayLimits
from relay.peers import peer_of
from relay.ports import Gate, Health
from relay.schemas import CORDON, DRAIN, UNDRAIN, validated
from relay.web.web_api import json_response


class GateApi:
    """The calls under ``/v1/node``; each answers with the node as it is then."""

    def __init__(self, gate: Gate, health: Health, limits: RelayLimits) -> None:
        self._gate = gate
        self._health = health
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.post("/v1/node/cordon", self.cordon),
            web.post("/v1/node/drain", self.drain),
            web.post("/v1/node/undrain", self.undrain),
        ]

    async def cordon(self, request: web.Request) -> web.Response:
        """200: no new session is accepted from now on."""
        asked = validated(CORDON, await read_json(request, self._limits, empty=b"{}"))
        await self._gate.close(by=asked.by or _caller(request), reason=asked.reason)
        return json_response(self._health.node())

    async def drain(self, request: web.Request) -> web.Response:
        """200: likewise; with ``terminate`` the sessions that there are have been asked to end."""
        asked = validated(DRAIN, await read_json(request, self._limits, empty=b"{}"))
        by = asked.by or _caller(request)
        if asked.terminate:
            await self._gate.empty(by=by, reason=asked.reason)
        else:
            await self._gate.close(by=by, reason=asked.reason)
        return json_response(self._health.node())

    async def undrain(self, request: web.Request) -> web.Response:
        """200: sessions are accepted again."""
        asked = validated(UNDRAIN, await read_json(request, self._limits, empty=b"{}"))
        await self._gate.open(by=asked.by or _caller(request))
        return json_response(self._health.node())


def _caller(request: web.Request) -> str:
    """The name of whoever connected, or their number where this host has none."""
    peer = peer_of(request.transport)
    if peer is None:
        return current_call().credential or "the web server"
    try:
        return pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        return f"uid {peer.uid}"
