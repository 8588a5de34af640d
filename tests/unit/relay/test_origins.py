"""A page of anybody's can make a browser connect: what counts is the ticket, never where it is."""

from __future__ import annotations

import aiohttp
import pytest

from tests.unit.relay.conftest import TOKEN, House

EVIL = {"Origin": "https://evil.example", "Cookie": "session=x", "Authorization": "Bearer x"}


@pytest.mark.parametrize("path", ["", "?ticket=", "?ticket=guess"])
async def test_without_a_ticket_no_browser_is_let_in(house: House, path: str) -> None:
    """Whatever it sends along by itself: cookies, credentials."""
    session_id = await house.sessions.run(TOKEN)
    url = f"http://relay/v1/sessions/{session_id}/display{path}"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await house.web.ws_connect(url, headers=EVIL)
    assert refusal.value.status == 401


async def test_no_page_of_others_may_read_an_answer(house: House) -> None:
    """Nothing is shared across origins, and no cookie is ever set that a browser would send."""
    session_id = await house.sessions.run(TOKEN)
    for path in ("/v1/node", "/healthz", f"/v1/sessions/{session_id}/display"):
        async with house.web.get(f"http://relay{path}", headers=EVIL) as answer:
            told = {name.lower() for name in answer.headers}
            assert not {name for name in told if name.startswith("access-control-")}
            assert "set-cookie" not in told
