"""A person at a browser of their own: nothing of it is shared with anybody else's."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Error, Page, expect

from portal.sign_in.links import Links
from portal.store.directory import link_key
from tests.browser.faults import Faults
from tests.browser.stage import Stage

SECONDS = 20.0
PICTURES = Path(__file__).parents[2] / "var" / "browser"
WINDOW = {"width": 1000, "height": 700}
expect.set_options(timeout=SECONDS * 1000)  # the portal itself waits up to ten for its supervisor


@dataclass(slots=True)
class Person:
    """Who it is, and the page that they look at."""

    stage: Stage
    user: str
    origin: str
    context: BrowserContext
    page: Page
    faults: Faults
    scratch: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """Their home directory, on this host as in their sessions."""
        return Path(pwd.getpwnam(self.user).pw_dir)

    def scratch_name(self) -> str:
        """A name for a file in their home, which is removed with them."""
        self.scratch.append(f"fx-browser-{secrets.token_hex(4)}")
        return self.scratch[-1]

    async def sign_in(self) -> None:
        """By the token of a one-time link, issued as ``fx-portal link`` does, and go home."""
        links = Links(link_key(self.stage.portal.directory / "state"))
        answer = await self.context.request.post(
            f"{self.origin}/api/sign-in/link",
            data={"token": links.issue(self.user, time.time() + SECONDS)},
            headers={"Origin": self.origin},
        )
        assert answer.ok, await answer.text()
        await self.page.goto(f"{self.origin}/")

    async def forget_preferences(self) -> None:
        """Leave to the next test what this one has found; whoever has signed out has left it."""
        if (await self.context.request.get(f"{self.origin}/api/me")).ok:
            nothing = {"favourites": [], "last": {}, "theme": "auto"}
            assert (await self.api("PUT", "/api/preferences", nothing))[0] == 204

    async def api(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the portal as the page would; status, and what was answered."""
        me = await (await self.context.request.get(f"{self.origin}/api/me")).json()
        answer = await self.context.request.fetch(
            self.origin + path,
            method=method,
            data=None if body is None else json.dumps(body),
            headers={
                "Content-Type": "application/json",
                "Origin": self.origin,
                "X-CSRF-Token": me["csrf_token"],
            },
        )
        text = await answer.text()
        return answer.status, json.loads(text) if text.startswith("{") else text


@asynccontextmanager
async def person(
    stage: Stage,
    user: str,
    origin: str | None = None,
    **options: Any,  # noqa: ANN401 playwright's
) -> AsyncIterator[Person]:
    """Somebody who has opened a browser, and not signed in; afterwards nothing has gone wrong."""
    origin = origin or stage.portal.origin
    options = {"viewport": WINDOW, "reduced_motion": "reduce", **options}
    context = await stage.browser.new_context(**options)
    context.set_default_timeout(SECONDS * 1000)
    faults = Faults(origin)
    await faults.watch(context)
    somebody = Person(stage, user, origin, context, await context.new_page(), faults)
    try:
        yield somebody
    finally:
        await _keep_picture(somebody)
        await context.close()
        for name in somebody.scratch:
            (somebody.home / name).unlink(missing_ok=True)
    faults.require_none()


async def _keep_picture(somebody: Person) -> None:
    """What the test has come to, for whoever wants to see."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].split()[0]
    test = test.partition("@")[0]  # the group that it runs in
    with suppress(Error):  # its page may be closed
        await somebody.page.screenshot(path=PICTURES / f"{test}-{somebody.user}.png")
