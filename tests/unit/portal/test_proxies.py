"""Proxies that are trusted, and whoever says that it is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.portal.browser import Browser
from tests.unit.portal.conftest import Site

HEADER = {"header": {"name": "X-Remote-User"}, "pam": {"enabled": False}}
BY_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example.com"}
LISTEN: dict[str, dict[str, Any]] = {
    "trusted": {"trusted_proxies": ["127.0.0.0/8"]},
    "untrusted": {"trusted_proxies": ["192.0.2.7"]},
    "by_socket": {"trusted_proxies": ["unix"]},
    "named": {"origins": ["https://desk.example.com"]},
}

trusted = pytest.mark.parametrize("portal_config", ["trusted"], indirect=True)
"""The browser's requests come by a proxy on loopback."""
untrusted = pytest.mark.parametrize("portal_config", ["untrusted"], indirect=True)
"""The proxy is elsewhere: whoever says the same here is none."""
by_socket = pytest.mark.parametrize("portal_config", ["by_socket"], indirect=True)
"""Whoever may connect to the Unix socket is the proxy."""
named = pytest.mark.parametrize("portal_config", ["named"], indirect=True)
"""What browsers call the portal is written down."""


@pytest.fixture
def portal_config(request: pytest.FixtureRequest, directory: Path) -> dict[str, Any]:
    """As the test says."""
    listen = LISTEN[request.param]
    if request.param == "by_socket":
        listen = {**listen, "socket": directory / "portal.sock"}
    return {"listen": listen, "sign_in": HEADER, "administrators": {"groups": ["admins"]}}


@trusted
async def test_who_the_proxy_names_is_signed_in(site: Site) -> None:
    """Without any call; the cookie holds as long as the proxy says the same."""
    browser = site.browser()
    reply = await browser.get("/api/me", X_Remote_User="alice")
    assert (reply.object["user"], reply.object["method"]) == ("alice", "header")
    again = await browser.get("/api/me", X_Remote_User="alice")
    assert again.object["csrf_token"] == reply.object["csrf_token"], "it is the same sign-in"
    assert (await browser.get("/api/me")).status == 401
    assert (await browser.get("/api/me", X_Remote_User="bob")).object["user"] == "bob"


@trusted
async def test_whom_the_host_does_not_know_is_nobody(site: Site) -> None:
    """401, and no sign-in is begun."""
    reply = await site.browser().get("/api/me", X_Remote_User="eve")
    assert reply.status == 401
    assert "Set-Cookie" not in reply.headers


@trusted
async def test_two_names_are_none(site: Site) -> None:
    """One of them is the browser's own."""
    browser = site.browser()
    async with browser.http.get(
        f"{site.base}/api/me", headers=[("X-Remote-User", "dora"), ("X-Remote-User", "alice")]
    ) as response:
        assert response.status == 401


@trusted
async def test_tls_of_the_proxy_counts(site: Site) -> None:
    """The cookie is for TLS alone, and the origin is what the browser sees."""
    browser = site.browser(headers={**BY_TLS, "X-Remote-User": "alice"})
    reply = await browser.get("/api/me")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-fx_portal=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    browser.csrf = reply.object["csrf_token"]
    sent = {"Cookie": cookie.partition(";")[0], "Origin": "https://desk.example.com"}
    assert (await browser.call("POST", "/api/sessions", {}, headers=sent)).status == 202
    sent["Origin"] = site.base
    assert (await browser.call("POST", "/api/sessions", {}, headers=sent)).code == "csrf"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 127.0.0.9", "203.0.113.7"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, ::ffff:127.0.0.9", "203.0.113.7"),
    ],
)
@trusted
async def test_the_browsers_address_is_the_last_that_is_no_proxys(
    site: Site, forwarded: str, address: str
) -> None:
    """What stands before it anybody can have written."""
    browser = site.browser(headers={"X-Forwarded-For": forwarded})
    for _ in range(30):
        assert (await browser.sign_in("x.y")).status == 401
    assert (await browser.sign_in("x.y")).status == 429
    same = site.browser(headers={"X-Forwarded-For": address})
    assert (await same.sign_in("x.y")).status == 429
    for other in ("192.0.2.1", "::ffff:192.0.2.2"):
        stranger = site.browser(headers={"X-Forwarded-For": other})
        assert (await stranger.sign_in("x.y")).status == 401


@untrusted
async def test_a_name_is_not_believed(site: Site) -> None:
    """Nobody is signed in by it."""
    assert (await site.browser().get("/api/me", X_Remote_User="dora")).status == 401


@untrusted
async def test_forwarding_is_not_believed(site: Site) -> None:
    """Neither the address nor the host, nor TLS."""
    browser = site.browser(headers=BY_TLS)
    assert (await browser.sign_in(site.link("alice"))).status == 200
    for number in range(30):
        forger = site.browser(headers={"X-Forwarded-For": f"203.0.113.{number}"})
        assert (await forger.sign_in("x.y")).status == 401
    assert (await site.browser().sign_in("x.y")).status == 429


@by_socket
async def test_its_header_is_believed(site: Site, directory: Path) -> None:
    """By the socket; by TCP it is not."""
    proxy = Browser("http://desk", socket=str(directory / "portal.sock"))
    site.stack.push_async_callback(proxy.close)
    assert (await proxy.get("/api/me", X_Remote_User="alice")).object["user"] == "alice"
    assert (await site.browser().get("/api/me", X_Remote_User="alice")).status == 401


@named
async def test_no_other_origin_is_the_portals(site: Site) -> None:
    """Not even what the request itself calls it: a name that was made to lead here."""
    browser = site.browser()
    assert (await browser.sign_in(site.link("alice"))).code == "csrf"
    browser.base, base = "https://desk.example.com", site.base
    headers = {"Origin": browser.base}
    async with browser.http.post(
        f"{base}/api/sign-in/link", json={"token": site.link("alice")}, headers=headers
    ) as response:
        assert response.status == 200
