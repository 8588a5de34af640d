"""What a user has chosen, the same on any browser."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from portal.store import preference_rows
from portal.store.database import Database
from portal.web.answers import json_answer, no_content
from portal.web.bodies import Body, read_json, validated
from portal.web.caller import signed_in

DOCUMENT_BYTES = 32 * 1024

Name = Annotated[str, Field(max_length=256)]


class Last(Body):
    """What a template was launched with last."""

    geometry: Name | None = None
    dpi: int | None = None
    params: dict[Name, Any] = Field(default_factory=dict)
    command: Annotated[str, Field(max_length=4096)] | None = None


class Preferences(Body):
    """The whole document; pages may keep more in ``pages``, which is theirs."""

    favourites: list[Name] = Field(default_factory=list)
    last: dict[Name, Last] = Field(default_factory=dict)
    theme: Literal["auto", "light", "dark"] = "auto"
    pages: dict[Name, Any] = Field(default_factory=dict)


class PreferencesApi:
    """The calls about preferences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [
            web.get("/api/preferences", self.show),
            web.put("/api/preferences", self.keep),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """200: as they were kept last, or as they are without."""
        person, _ = signed_in(request)
        kept = await self._database.run(partial(preference_rows.load, user=person.user))
        return json_answer(json.loads(kept) if kept else Preferences().model_dump())

    async def keep(self, request: web.Request) -> web.Response:
        """204: kept."""
        person, _ = signed_in(request)
        document = validated(Preferences, await read_json(request, DOCUMENT_BYTES))
        text = json.dumps(document.model_dump())
        await self._database.run(partial(preference_rows.keep, user=person.user, document=text))
        return no_content()
