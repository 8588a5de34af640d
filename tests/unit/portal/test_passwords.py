"""Signing in by a password: what comes of PAM's word, and how often it may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from portal.app import Outside, Places, Portal
from portal.errors import UnreachableError
from portal.sign_in.pam import Pam, PamRefusedError
from tests.unit.portal.browser import Browser
from tests.unit.portal.conftest import STATIC, Site, person_of

RIGHT = "open sesame"
UNTOLD = "whatever PAM cannot tell"


@pytest.fixture
def portal_config() -> dict[str, Any]:
    """By a password; three failures are too many."""
    attempts = {"per_user": 3, "per_address": 5, "window_seconds": 900}
    return {"sign_in": {"attempts": attempts}}


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everybody's password is the same; who asked is noted. PAM itself is in test_pam."""
    asked: list[str] = []

    async def check(_self: Pam, user: str, password: str) -> None:
        asked.append(user)
        if password == UNTOLD:
            raise UnreachableError("nobody can tell")
        if password != RIGHT:
            raise PamRefusedError("wrong")

    monkeypatch.setattr(Pam, "check", check)
    return asked


def tried(user: str, password: str) -> dict[str, str]:
    """What is sent."""
    return {"user": user, "password": password}


async def test_a_right_password_signs_in(site: Site) -> None:
    """200 with who it is; a wrong one 401, in words that tell nothing."""
    browser = site.browser()
    wrong = await browser.post("/api/sign-in", tried("alice", "x"))
    nobody = await browser.post("/api/sign-in", tried("eve", "x"))
    unknown = await browser.post("/api/sign-in", tried("eve", RIGHT))
    for reply in (wrong, nobody, unknown):
        assert (reply.status, reply.code) == (401, "sign_in_failed")
        assert reply.object == wrong.object
    reply = await browser.post("/api/sign-in", tried("Alice", RIGHT))
    assert (reply.status, reply.object["user"], reply.object["method"]) == (200, "alice", "pam")


async def test_guesses_at_one_user_are_bounded(site: Site, passwords: list[str]) -> None:
    """Three; then PAM is not even asked, from wherever, until a quarter of an hour has passed."""
    browser = site.browser()
    for _ in range(3):
        assert (await browser.post("/api/sign-in", tried("alice", "x"))).status == 401
    reply = await browser.post("/api/sign-in", tried("alice", RIGHT))
    assert (reply.status, reply.code) == (429, "too_many_attempts")
    assert int(reply.headers["Retry-After"]) > 800
    assert passwords == ["alice"] * 3
    assert (await browser.post("/api/sign-in", tried("bob", RIGHT))).status == 200


async def test_another_spelling_is_no_other_user(site: Site, passwords: list[str]) -> None:
    """For a name service that takes capitals for small letters there were two to the fifth."""
    browser = site.browser()
    for name in ("alice", "Alice", "ALICE"):
        assert (await browser.post("/api/sign-in", tried(name, "x"))).status == 401
    assert (await browser.post("/api/sign-in", tried("aLICE", RIGHT))).status == 429
    assert len(passwords) == 3


async def test_what_nobody_can_tell_forgives_nothing(site: Site) -> None:
    """503 is no failure; those before it are still counted."""
    browser = site.browser()
    for password, status in (("x", 401), ("x", 401), (UNTOLD, 503), ("x", 401), (RIGHT, 429)):
        assert (await browser.post("/api/sign-in", tried("alice", password))).status == status


async def test_guesses_from_one_address_are_bounded(site: Site) -> None:
    """Whoever tries many names with one password: five in all."""
    browser = site.browser()
    for number in range(5):
        assert (await browser.post("/api/sign-in", tried(f"u{number}", "x"))).status == 401
    assert (await browser.post("/api/sign-in", tried("bob", RIGHT))).status == 429


async def test_those_who_succeed_do_not_count(site: Site) -> None:
    """However many people sign in from one address."""
    for _ in range(8):
        assert (await site.browser().post("/api/sign-in", tried("alice", RIGHT))).status == 200


async def test_who_signs_in_anew_has_another_sign_in(site: Site) -> None:
    """The cookie from before is worth nothing: nobody can have planted it."""
    browser = site.browser()
    await browser.post("/api/sign-in", tried("alice", RIGHT))
    before = browser.cookie
    await browser.post("/api/sign-in", tried("bob", RIGHT))
    assert browser.cookie != before
    thief = site.browser(headers={"Cookie": f"fx_portal={before}"})
    assert (await thief.get("/api/me")).status == 401


async def test_a_restart_is_no_way_to_go_on_guessing(site: Site) -> None:
    """What failed before counts in the next life, until its time is over; no name is written."""
    guess = tried("my-password-by-mistake", "x")
    for _ in range(3):
        assert (await site.browser().post("/api/sign-in", guess)).status == 401
    await site.portal.stop()
    kept = b"".join(path.read_bytes() for path in site.state.glob("portal.db*"))
    assert b"my-password" not in kept
    for seconds, status in ((0, 429), (899, 429), (2, 401)):
        site.clock.now += seconds
        outside = Outside(person_of, site.clock, refusal_seconds=0.0)
        portal = Portal(site.portal.settings.config, Places(site.state, STATIC), outside)
        try:
            await portal.start()
            browser = Browser(portal.addresses[0])
            site.stack.push_async_callback(browser.close)
            assert (await browser.post("/api/sign-in", guess)).status == status, seconds
        finally:
            await portal.stop()
