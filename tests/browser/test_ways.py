"""The ways of a display: handed to the relay, or through the portal; people see no difference."""

from __future__ import annotations

import json
import os
import pwd
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.acts import given, look, steers, title, until, until_seen
from tests.browser.people import person
from tests.browser.stage import CONFIG, Stage, running_stage
from tests.support.certificates import Authority
from tests.support.portal import PORTAL_USER
from tests.support.surroundings import Surroundings

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="session")
def tls() -> Iterator[Mapping[str, Any]]:
    """A certificate of the portal's own, where its user can read it."""
    with tempfile.TemporaryDirectory(prefix="fx-tls-") as place:
        directory = Path(place)
        directory.chmod(0o755)
        pair = Authority(directory).issue("portal")
        if os.geteuid() == 0:
            os.chown(pair.key, pwd.getpwnam(PORTAL_USER).pw_uid, -1)
        yield {"certificate_file": str(pair.certificate), "key_file": str(pair.key)}


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["clear", "tls", "carried"])
async def way(
    request: pytest.FixtureRequest, site: Surroundings, browser: Browser, tls: Mapping[str, Any]
) -> AsyncIterator[tuple[str, Stage]]:
    """Who serves displays, and a stage of its own."""
    config, by = {**CONFIG}, "portal"
    if request.param == "clear":
        by = "relay"
    elif request.param == "tls":
        config["listen"] = tls
    else:
        config["upstream"] = {"hand_over": False}
    async with running_stage(site, browser, config) as running:
        yield by, running


def carried_by(stage: Stage) -> list[str]:
    """Who serves each display that was opened, by the portal's log."""
    lines = stage.portal.log_text.splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return [each["carried_by"] for each in records if each["event"] == "display_opened"]


async def nobody_looks(stage: Stage) -> bool:
    """Whether the relay has no viewer."""
    return bool((await stage.web.call("GET", "/v1/viewers")).body == {"viewers": []})


async def test_a_screen_is_steered_put_out_and_comes_back(way: tuple[str, Stage]) -> None:
    """By a reload, a disconnect and a sign-out elsewhere, each with its own words."""
    by, stage = way
    async with person(stage, stage.user, ignore_https_errors=True) as alice:
        await alice.sign_in()
        session_id = await given(alice, "By any way")
        await look(alice, session_id)
        await steers(alice, alice.scratch_name())
        await alice.page.reload()
        await until_seen(alice.page)
        await steers(alice, alice.scratch_name())
        await stage.web.call("POST", f"/v1/sessions/{session_id}/disconnect")
        await expect(title(alice.page)).to_have_text("You were disconnected")
        await look(alice, session_id)
        alice.faults.expect(r"status of 401")  # of what it asks before it hears of it
        assert (await alice.api("POST", "/api/sign-out"))[0] == 204
        await until(lambda: nobody_looks(stage), "the display is closed")
        # As it hears first of the display, or of the sign-in.
        told = re.compile("^(Your sign-in has ended|FastX)$")
        await expect(title(alice.page)).to_have_text(told)
        await stage.web.call("DELETE", f"/v1/sessions/{session_id}")
    assert carried_by(stage) == [by] * 3
