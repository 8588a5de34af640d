"""Whatever is sent to whichever call: an answer that was meant, and never a 500."""

from __future__ import annotations

import json
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.portal.browser import Browser
from tests.unit.portal.conftest import Site

TEXT = st.text(max_size=20) | st.sampled_from(["..", "%2e", "\0", "a" * 2000, "\ud7ff", "{id}"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    *("user", "password", "token", "guest", "mode", "template", "command", "geometry", "dpi"),
    *("name", "params", "reason", "terminate", "expires_in_seconds", "favourites", "last"),
    *("theme", "pages", "width", "tail", "follow", "scope", "ticket"),
]
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | VALUES
HEADERS = ["Idempotency-Key", "If-None-Match", "Content-Type", "X-CSRF-Token", "Cookie", "Range"]
STREAMS = {"/api/events"}


def calls(site: Site) -> list[tuple[str, str]]:
    """Every call that the portal answers."""
    runner = site.portal.runner
    assert runner is not None
    resources = (route for route in runner.app.router.routes() if route.resource is not None)
    found = {
        (route.method, str(route.resource and route.resource.canonical)) for route in resources
    }
    return sorted(each for each in found if each[1] not in STREAMS)


async def test_generated_calls_get_answers_that_were_meant(site: Site) -> None:
    """By an administrator, who gets furthest; the portal lives on."""
    session_id = await site.session("dora")
    browser = await site.signed_in("dora")
    known = calls(site)
    assert len(known) > 40
    requests: list[tuple[str, str, object, dict[str, str]]] = []

    @settings(max_examples=400, suppress_health_check=list(HealthCheck), database=None)
    @given(
        call=st.sampled_from(known),
        body=BODIES,
        part=TEXT,
        query=st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=2),
        header=st.none()
        | st.tuples(st.sampled_from(HEADERS), st.text('ab,;="/*-\xe9 ', max_size=12)),
        is_known=st.booleans(),
    )
    def draw(  # noqa: PLR0913, PLR0917 what a request is made of
        call: tuple[str, str],
        body: object,
        part: str,
        query: dict[str, str],
        header: tuple[str, str] | None,
        is_known: bool,  # noqa: FBT001 hypothesis'
    ) -> None:
        method, path = call
        inside = session_id if is_known else quote(part, safe="")
        for name in ("{id}", "{path}", "{connection}"):
            path = path.replace(name, inside or "x")
        said = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        headers = {} if header is None else {header[0]: header[1].strip()}
        requests.append((method, f"{path}?{said}", body, headers))

    draw()
    for method, path, body, headers in requests:
        await judge(browser, site, method, path, body, headers)
    assert (await site.browser().get("/healthz")).status == 200


async def judge(  # noqa: PLR0913, PLR0917 what a request is made of
    browser: Browser, site: Site, method: str, path: str, body: object, headers: dict[str, str]
) -> None:
    """One request, and what came of it."""
    raw = None if method in {"GET", "HEAD"} else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"}
    reply = await browser.call(method, path, raw=raw or b"", headers={**kind, **headers})
    assert reply.status != 500, (method, path, body, headers)
    if reply.status >= 400 and method != "HEAD":
        assert reply.code, (method, path)
    if (await browser.get("/api/me")).status == 401:
        # What was generated may have signed out.
        assert (await browser.sign_in(site.link("dora"))).status == 200
