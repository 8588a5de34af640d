"""What the web server, a monitor or an administrator asks about the node itself."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from aiohttp import web
from ruamel.yaml import YAML

from relay.bodies import read_json
from relay.calls import current_call
from relay.config import RelayConfig
from relay.ports import Catalog, Health, Metrics, Upkeep
from relay.problems import RETRY_AFTER_SECONDS, ProblemError
from relay.schemas import RECONCILE, validated
from relay.web.web_api import json_response


class NodeApi:
    """Templates, node, health, upkeep, metrics and the API's own description."""

    def __init__(
        self,
        config: RelayConfig,
        catalog: Catalog,
        health: Health,
        upkeep: Upkeep,
        metrics: Metrics,
    ) -> None:
        self._limits = config.limits
        self._catalog = catalog
        self._health = health
        self._upkeep = upkeep
        self._metrics = metrics
        self._openapi = _load_openapi(config.openapi)

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        calls = {
            "/v1/templates": self.list_templates,
            "/v1/templates/{name}": self.show_template,
            "/v1/node": self.show_node,
            "/v1/openapi.json": self.show_openapi,
        }
        return [
            *self.monitor_routes(),
            *(web.get(path, call, allow_head=False) for path, call in calls.items()),
            web.post("/v1/reconcile", self.reconcile),
        ]

    def monitor_routes(self) -> list[web.RouteDef]:
        """What tells nothing of any session: all there is where nobody is asked who he is."""
        calls = {"/healthz": self.live, "/readyz": self.ready, "/metrics": self.measure}
        return [web.get(path, call, allow_head=False) for path, call in calls.items()]

    async def list_templates(self, _request: web.Request) -> web.Response:
        """200: every template a session can be started from."""
        return json_response({"templates": [dict(template) for template in self._catalog.list()]})

    async def show_template(self, request: web.Request) -> web.Response:
        """200: one template."""
        return json_response(dict(self._catalog.get(request.match_info["name"])))

    async def show_node(self, _request: web.Request) -> web.Response:
        """200: host, engine, capacity, load."""
        return json_response(self._health.node())

    async def reconcile(self, request: web.Request) -> web.Response:
        """200: what was put in order, or would be."""
        asked = validated(RECONCILE, await read_json(request, self._limits, empty=b"{}"))
        current_call().details["dry_run"] = asked.dry_run
        return json_response(await self._upkeep.reconcile(dry_run=asked.dry_run))

    async def show_openapi(self, _request: web.Request) -> web.Response:
        """200: the OpenAPI document."""
        return web.Response(body=self._openapi, content_type="application/json")

    async def live(self, _request: web.Request) -> web.Response:
        """200: the event loop turns."""
        return json_response({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        """200, or 503 with what is missing."""
        is_ready, sentence = self._health.ready()
        if not is_ready:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise ProblemError(503, "not_ready", sentence, headers=headers)
        return json_response({"status": "ready"})

    async def measure(self, _request: web.Request) -> web.Response:
        """200: Prometheus' text format."""
        body = await self._metrics.expose()
        return web.Response(body=body, headers={"Content-Type": self._metrics.content_type})


@cache
def _load_openapi(path: Path) -> bytes:
    """Once per process: the document comes with the program, and takes long to be read."""
    with path.open(encoding="utf-8") as source:
        return json.dumps(YAML(typ="safe", pure=True).load(source)).encode()
