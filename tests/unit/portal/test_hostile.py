"""What is sent by others than the portal's own pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from portal.errors import NotFoundError
from portal.web.pages import Pages
from tests.unit.portal.browser import Browser
from tests.unit.portal.conftest import Site

CHANGES = [
    ("POST", "/api/sign-in"),
    ("POST", "/api/sign-in/link"),
    ("POST", "/api/sign-out"),
    ("POST", "/api/sessions"),
    ("PUT", "/api/preferences"),
    ("POST", "/api/shared"),
    ("POST", "/api/shared/connect"),
    ("DELETE", "/api/shares/x"),
    ("POST", "/api/node/drain"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES, ids=[path for _, path in CHANGES])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: "-".join(f"{key}={value}" for key, value in headers.items()),
)
async def test_other_origins_change_nothing(
    site: Site, method: str, path: str, headers: dict[str, str]
) -> None:
    """403 `csrf`, with the cookie and even with the token of the page."""
    browser = await site.signed_in("dora")
    reply = await browser.call(method, path, {}, headers=headers)
    assert (reply.status, reply.code) == (403, "csrf")
    assert (await browser.get("/api/me")).status == 200


@pytest.mark.parametrize("token", ["", "x", "\xe4"])
@pytest.mark.parametrize(
    ("method", "path"),
    [call for call in CHANGES if not call[1].startswith(("/api/sign-in", "/api/shared"))],
)
async def test_a_cookie_alone_changes_nothing(
    site: Site, method: str, path: str, token: str
) -> None:
    """403 without the token of the page, or with another's."""
    browser = await site.signed_in("dora")
    headers = {"X-CSRF-Token": token}
    reply = await browser.call(method, path, {}, headers=headers)
    assert (reply.status, reply.code) == (403, "csrf")


async def test_the_token_of_another_sign_in_is_none(site: Site) -> None:
    """Also of the same user."""
    one, other = await site.signed_in("alice"), await site.signed_in("alice")
    assert one.csrf != other.csrf
    one.csrf = other.csrf
    assert (await one.post("/api/sessions", {})).code == "csrf"


async def test_a_form_is_not_json(site: Site) -> None:
    """What a page of another site could send without being let: 415."""
    browser = await site.signed_in("alice")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        reply = await browser.call(
            "POST", "/api/sessions", raw=b"{}", headers={"Content-Type": kind}
        )
        assert reply.status == 415, kind


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"[" * 60_000, 400),
        (b'{"template": NaN}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b"\xff", 400),
        (b"x" * 65_537, 413),
        (b'{"unknown": 1}', 422),
        (b"[]", 422),
        (b'{"dpi": "96"}', 422),
    ],
)
async def test_a_bad_body_is_refused(site: Site, raw: bytes, status: int) -> None:
    """Too deep, too long, not JSON, not what the call takes: a problem, and never a 500."""
    browser = await site.signed_in("alice")
    headers = {"Content-Type": "application/json"}
    reply = await browser.call("POST", "/api/sessions", raw=raw, headers=headers)
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("GET", "/api/me", b"Cookie: fx_portal=\xff\xfe"),
        ("POST", "/api/sign-out", b"X-CSRF-Token: \xff"),
        ("POST", "/api/sign-out", b"Origin: http://[::1"),
        ("POST", "/api/sign-in", b"Content-Encoding: gzip"),
    ],
    ids=["cookie", "csrf", "origin", "encoding"],
)
async def test_bytes_that_mean_nothing_are_refused(
    site: Site, method: str, path: str, header: bytes
) -> None:
    """What cannot be read is the browser's fault: never a 500, and no traceback in the log."""
    alice = await site.signed_in("alice")
    usual = {
        b"Host": site.base.partition("//")[2].encode(),
        b"Origin": site.base.encode(),
        b"Cookie": f"fx_portal={alice.cookie}".encode(),
        b"Content-Type": b"application/json",
        b"Content-Length": b"2",
        b"Connection": b"close",
    }
    name, _, value = header.partition(b": ")
    lines = [b": ".join(each) for each in {**usual, name: value}.items()]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rpartition(":")[2]))
    writer.write(b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *lines, b"", b"{}"]))
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] in {b"400", b"401", b"403"}
    assert b"Content-Security-Policy" in answer


async def test_a_body_without_end_is_not_read(site: Site) -> None:
    """413 as soon as it is too long, whatever it says of its length."""
    browser = await site.signed_in("alice")
    taken = 0

    async def endless() -> Any:  # noqa: ANN401 an asynchronous generator
        nonlocal taken
        while taken < 64 * 1024 * 1024:
            taken += 8192
            yield b"[" * 8192
            await asyncio.sleep(0)

    headers = {"Origin": site.base, "X-CSRF-Token": browser.csrf}
    url = f"{site.base}/api/sessions"
    try:
        async with browser.http.post(
            url, data=endless(), headers={**headers, "Content-Type": "application/json"}
        ) as response:
            assert response.status == 413
    except OSError:
        pass  # It was still writing when the connection was closed on it.
    assert taken < 64 * 1024 * 1024


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/vendor/../../app.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/.key",
        "/static/vendor/.key",
        "/static/pages/home.html",
        "/static/a%00b",
        "/static/",
        "/static/pages",
        "/static/@0/../../app.py",
        "/static/@0/%2e%2e/app.py",
        "/static/@0//etc/passwd",
        "/static/@0/.key",
        "/static/@0/pages/home.html",
        "/static/@0/",
    ],
)
async def test_no_file_is_served_but_those_of_the_pages(site: Site, path: str) -> None:
    """Nothing above, nothing hidden, no folder; pages by their own paths alone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rpartition(":")[2]))
    # As it is: a client would straighten the path.
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] in {b"404", b"400"}
    assert b"import" not in answer
    assert b"root:" not in answer


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    """Not even one that lies among the pages."""
    static = tmp_path / "static"
    static.mkdir()
    (tmp_path / "secret.js").touch()
    (static / "page.js").touch()
    (static / "link.js").symlink_to(tmp_path / "secret.js")
    pages = Pages(static)
    assert pages._find(Path("page.js")) == static / "page.js"
    for path in ("link.js", "../secret.js"):
        with pytest.raises(NotFoundError):
            pages._find(Path(path))


async def test_a_redirect_stays_here(site: Site) -> None:
    """Whatever the path: what follows `next` is a path of the portal's, in one piece."""
    browser = site.browser()
    reply = await browser.get("/sessions/x%0d%0aSet-Cookie:%20a=b")
    assert reply.status == 303
    assert reply.headers["Location"].startswith("/sign-in?next=/sessions/x%250D%250ASet-Cookie")
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    "path",
    ["/", "/sign-in", "/shared", "/healthz", "/api/me", "/api/sign-in", "/nothing", "/static/x.js"],
)
async def test_every_answer_says_what_browsers_are_to_refuse(site: Site, path: str) -> None:
    """Pages, answers, problems, redirects."""
    reply = await site.browser().get(path)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Server" not in reply.headers
    if path.startswith("/api/"):
        assert reply.headers["Cache-Control"] == "no-store"


async def test_a_page_is_asked_for_again_and_not_sent_again(site: Site) -> None:
    """`no-cache` and an ETag: 304 while the file is the same."""
    browser = site.browser()
    first = await browser.get("/sign-in")
    assert (first.status, first.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await browser.get("/sign-in", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_a_path_that_is_none_shows_people_a_way_on(site: Site) -> None:
    """A page to whoever asks for one, a problem to programs; and no call is hidden by it."""
    browser = site.browser()
    page = await browser.get("/nothing", Accept="text/html,*/*;q=0.8")
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b'href="/"' in page.body
    problem = await browser.get("/nothing")
    assert (problem.status, problem.headers["Content-Type"]) == (404, "application/problem+json")
    assert (await browser.get("/api/sign-out", Accept="text/html")).status == 405


async def test_pages_are_for_who_is_signed_in(site: Site) -> None:
    """Others go to the sign-in and come back; /admin is for administrators."""
    nobody = site.browser()
    for path in ("/", "/sessions/x", "/admin"):
        reply = await nobody.get(path)
        assert (reply.status, reply.headers["Location"]) == (303, f"/sign-in?next={path}")
    alice, dora = await site.signed_in("alice"), await site.signed_in("dora")
    for path in ("/", "/sessions/x", "/shared"):
        assert (await alice.get(path)).status == 200, path
    assert (await alice.get("/admin")).headers["Location"] == "/"
    assert (await dora.get("/admin")).status == 200


async def test_what_is_not_http_is_refused(site: Site) -> None:
    """And the portal goes on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rpartition(":")[2]))
    writer.write(b"\x16\x03\x01\x00\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 400")
    writer.close()
    assert (await Browser.get(site.browser(), "/healthz")).status == 200
