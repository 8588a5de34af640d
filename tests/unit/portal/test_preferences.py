"""Preferences: one document per user, on any browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.portal.conftest import Site

CHOSEN: dict[str, Any] = {
    "favourites": ["xfce"],
    "last": {"xfce": {"geometry": "fit", "dpi": 96, "params": {"cores": 2}, "command": None}},
    "theme": "dark",
    "pages": {"screen": {"keys": True}},
}


async def test_they_are_kept_for_the_user(site: Site) -> None:
    """What one browser has put, another of the same user gets; others have their own."""
    here, there = await site.signed_in("alice"), await site.signed_in("alice")
    bob = await site.signed_in("bob")
    before = (await there.get("/api/preferences")).object
    assert before == {"favourites": [], "last": {}, "theme": "auto", "pages": {}}
    assert (await here.call("PUT", "/api/preferences", CHOSEN)).status == 204
    assert (await there.get("/api/preferences")).object == CHOSEN
    assert (await bob.get("/api/preferences")).object == before


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"theme": "pink"}, 422),
        ({"unknown": 1}, 422),
        ({"last": {"xfce": {"geometry": 1}}}, 422),
        ({"pages": {"x": "y" * 33_000}}, 413),
        ([], 422),
    ],
)
async def test_what_is_none_is_refused(site: Site, document: object, status: int) -> None:
    """And what there was stays."""
    alice = await site.signed_in("alice")
    await alice.call("PUT", "/api/preferences", CHOSEN)
    assert (await alice.call("PUT", "/api/preferences", document)).status == status
    assert (await alice.get("/api/preferences")).object == CHOSEN


async def test_what_is_no_number_is_not_kept(site: Site) -> None:
    """400: JSON's grammar has 1e999, and no answer could have it again."""
    alice = await site.signed_in("alice")
    headers = {"Content-Type": "application/json"}
    reply = await alice.call(
        "PUT", "/api/preferences", raw=b'{"pages": {"a": 1e999}}', headers=headers
    )
    assert (reply.status, reply.code) == (400, "not_json")
    assert (await alice.get("/api/preferences")).status == 200
