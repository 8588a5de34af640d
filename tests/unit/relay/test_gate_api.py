"""Orders to take no new sessions: who gave them, what may be said of them, what is answered."""

from __future__ import annotations

import os
import pwd

import pytest

from supervisor.errors import StoreError
from supervisor.lifecycle.cordon import Cordon, refusal
from supervisor.lifecycle.session import Phase
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.test_web_api import problem

NODE = "http://relay/v1/node"


async def test_the_caller_is_named_unless_they_name_somebody(house: House) -> None:
    """By the kernel's word; each answer is the node as it is then."""
    caller = pwd.getpwuid(os.geteuid()).pw_name
    for body, by in ((None, caller), ({"by": None}, caller), ({"by": "alice"}, "alice")):
        async with house.web.post(f"{NODE}/cordon", json=body or {}) as response:
            assert response.status == 200
            node = await response.json()
        assert (node["draining"], node["cordon"]["by"]) == (True, by)
    async with house.web.post(f"{NODE}/undrain") as response:
        node = await response.json()
    assert (node["draining"], node["cordon"]) == (False, None)


async def test_a_drain_ends_sessions_if_it_is_told_to(house: House) -> None:
    """And only then."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.post(f"{NODE}/drain", json={"reason": "rest"}) as response:
        assert (await response.json())["cordon"]["reason"] == "rest"
    assert house.sessions.get(session_id).phase is Phase.RUNNING
    async with house.web.post(f"{NODE}/drain", json={"terminate": True}) as response:
        assert response.status == 200
    assert house.sessions.get(session_id).phase is Phase.TERMINATING


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("cordon", {"reason": "a\nb"}),
        ("cordon", {"reason": "\u202eevil"}),
        ("cordon", {"reason": "x" * 257}),
        ("cordon", {"by": ""}),
        ("cordon", {"terminate": True}),
        ("drain", {"terminate": "yes"}),
        ("undrain", {"reason": "done"}),
    ],
)
async def test_what_cannot_be_shown_is_refused(
    house: House, call: str, body: dict[str, object]
) -> None:
    """Everybody reads the reason, on terminals, too; nothing has happened then."""
    async with house.web.post(f"{NODE}/{call}", json=body) as response:
        await problem(response, 422, "invalid_request")
    assert house.health.node_object["draining"] is False


async def test_a_start_is_refused_for_a_while(house: House) -> None:
    """503 with who and why, and a pause that fits a maintenance."""
    house.sessions.refusal = refusal(Cordon(by="root", since=0.0, reason="kernel update"))
    async with house.web.post("http://relay/v1/sessions", json={"user": "alice"}) as response:
        assert response.headers["Retry-After"] == "60"
        document = await problem(response, 503, "draining")
    assert "by order of root: kernel update" in document["detail"]


async def test_what_cannot_be_kept_is_503(house: House) -> None:
    """With the store's own sentence."""
    house.gate.refusal = StoreError("The disk is full.")
    async with house.web.post(f"{NODE}/cordon") as response:
        document = await problem(response, 503, "store_unavailable")
    assert (document["detail"], response.headers["Retry-After"]) == ("The disk is full.", "5")
