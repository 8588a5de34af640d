"""Signing in and out: by a link, by a password of this host, and not at all."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator

import pytest
from playwright.async_api import Route, expect

from tests.browser.accessibility import require_accessible
from tests.browser.acts import given
from tests.browser.people import Person, person
from tests.browser.stage import MOST_ATTEMPTS, Stage

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

REFUSED = r"status of (401|429)"


@pytest.fixture
def password(stage: Stage) -> Iterator[str]:
    """Of the second user, who has none otherwise."""
    chosen = secrets.token_urlsafe(12)
    _run("chpasswd", f"{stage.second_user}:{chosen}\n")
    yield chosen
    _run("usermod", "", "--lock", stage.second_user)


def _run(program: str, text: str, *arguments: str) -> None:
    subprocess.run([f"/usr/sbin/{program}", *arguments], input=text.encode(), check=True)  # noqa: S603 Debian's


async def test_a_link_signs_in_once(stage: Stage) -> None:
    """Asked whether that is who one is; nothing of it stays in the address; then it is used up."""
    link = await stage.portal.link(stage.user)
    async with person(stage, stage.user) as first:
        await first.page.goto(link)
        await expect(
            first.page.get_by_role("button", name=f"Sign in as {stage.user}")
        ).to_be_focused()
        assert (await first.context.cookies()) == [], "nobody is signed in by opening it"
        await require_accessible(first, "a link's page")
        await first.page.keyboard.press("Enter")
        await first.page.wait_for_url(f"{first.origin}/")
        await expect(first.page.get_by_role("navigation", name="Pages")).to_be_visible()
    async with person(stage, stage.user) as again:
        again.faults.expect(REFUSED)
        await again.page.goto(link)
        await expect(again.page.get_by_role("main")).to_contain_text("it was used already")
        assert "link=" not in again.page.url


async def test_a_link_that_does_not_ask(stage: Stage) -> None:
    """Opened, and one is at home; where somebody is signed in already, it asks as well."""
    async with person(stage, stage.user) as one:
        await one.page.goto(await stage.portal.link(stage.user, "--no-confirm"))
        await one.page.wait_for_url(f"{one.origin}/")
        await one.page.goto(await stage.portal.link(stage.second_user, "--no-confirm"))
        other = one.page.get_by_role("button", name=f"Sign in as {stage.second_user}")
        await expect(other).to_be_visible()


async def test_a_link_of_somebody_else_asks_first(stage: Stage) -> None:
    """Nobody works as somebody else unawares; who wants to, may."""
    async with person(stage, stage.user) as one:
        await one.sign_in()
        link = await stage.portal.link(stage.second_user)
        await one.page.goto("about:blank")
        await one.page.goto(link)
        main = one.page.get_by_role("main")
        await expect(main).to_contain_text(f"You are signed in as {stage.user}")
        await one.page.get_by_role("link", name=f"Stay signed in as {stage.user}").click()
        await one.page.wait_for_url(f"{one.origin}/")
        await expect(one.page.get_by_role("banner")).to_contain_text(stage.user)
        await one.page.goto("about:blank")
        await one.page.goto(link)
        await one.page.get_by_role("button", name=f"Sign in as {stage.second_user}").click()
        await one.page.wait_for_url(f"{one.origin}/")
        await expect(one.page.get_by_role("banner")).to_contain_text(stage.second_user)


async def test_a_password_of_this_host_signs_in(stage: Stage, password: str) -> None:
    """By PAM, after a wrong one that is refused in words; then on to where one wanted to go."""
    async with person(stage, stage.second_user) as bob:
        bob.faults.expect(REFUSED)
        await bob.page.goto(f"{bob.origin}/#launch")
        await bob.page.wait_for_url(re.compile("/sign-in"))
        await bob.page.get_by_label("User").fill(bob.user)
        field = bob.page.get_by_label("Password", exact=True)
        button = bob.page.get_by_role("button", name="Sign in")
        await field.fill("wrong")
        await button.click()
        await expect(bob.page.get_by_role("main")).to_contain_text("is wrong")
        await field.fill(password)
        await button.click()
        await bob.page.wait_for_url(re.compile(rf"^{bob.origin}/(#launch)?$"))
        status, me = await bob.api("GET", "/api/me")
        assert (status, me["user"]) == (200, bob.user)


async def test_attempts_are_limited(stage: Stage) -> None:
    """After some failures one has to wait, and is told for how long."""
    async with person(stage, "mallory") as mallory:
        mallory.faults.expect(REFUSED)
        await mallory.page.goto(f"{mallory.origin}/sign-in")
        await mallory.page.get_by_label("User").fill("nobody-of-this-host")
        button = mallory.page.get_by_role("button", name="Sign in")
        waiting = mallory.page.get_by_text("Too many attempts")
        for _ in range(MOST_ATTEMPTS):
            await expect(waiting).to_be_hidden()
            await mallory.page.get_by_label("Password", exact=True).fill("guess")
            async with mallory.page.expect_response("**/api/sign-in"):
                await button.click()
            await expect(button).to_be_enabled()
        await mallory.page.get_by_label("Password", exact=True).fill("guess")
        await button.click()
        await expect(waiting).to_be_visible()
        await expect(mallory.page.get_by_role("button", name="Wait")).to_be_disabled()


async def test_signing_out_ends_it(alice: Person) -> None:
    """The cookie is worth nothing afterwards, and every page asks who one is."""
    alice.faults.expect(REFUSED)
    await alice.page.get_by_role("button", name=re.compile("^Account of ")).click()
    await alice.page.get_by_role("menuitem", name="Sign out").click()
    await alice.page.wait_for_url(re.compile("/sign-in"))
    await alice.page.goto(f"{alice.origin}/")
    await alice.page.wait_for_url(re.compile("/sign-in"))
    answer = await alice.context.request.get(f"{alice.origin}/api/sessions")
    assert answer.status == 401


async def test_where_a_proxy_wants_a_sign_in_pages_go_there(alice: Person) -> None:
    """It answers calls with a 401 of its own; only where a page is asked for can one sign in."""
    alice.faults.expect(REFUSED)
    await given(alice, "Behind a proxy")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=401, content_type="text/html", body="<h1>Unauthorized</h1>")

    await alice.page.route("**/suspend", refuse)
    async with alice.page.expect_request(f"{alice.origin}/sign-in?next=*"):
        await alice.page.get_by_role("button", name="Suspend Behind a proxy").click()
    await alice.page.wait_for_url(f"{alice.origin}/")
