"""The event stream of a browser: everything there is, then what changes, for who may see it."""

from __future__ import annotations

import asyncio

import pytest

from portal.upstream.sse import EventParser, StreamBrokenError
from tests.support.turning import until
from tests.unit.portal.browser import Events
from tests.unit.portal.conftest import Site


async def opening(events: Events) -> list[str]:
    """The names of what comes first, up to synced."""
    names: list[str] = []
    while not names or names[-1] != "synced":
        names.append((await events.next())[0])
    return names


async def test_a_browser_is_told_what_there_is_and_then_what_changes(site: Site) -> None:
    """Own sessions alone; what is launched, changed and purged as it comes."""
    mine, _other = await site.session("alice"), await site.session("bob", "other-token")
    alice = await site.signed_in("alice")
    async with alice.events() as events:
        assert await opening(events) == ["upstream", "node", "reset", "update", "synced"]
        assert events.seen[0] == ("upstream", {"connected": True, "message": ""})
        assert events.seen[3][1]["id"] == mine
        assert events.seen[3][1]["access"] == {"role": "owner", "mode": "control", "paused": False}
        site.house.sessions.force(mine, command="Another")
        await events.until("update", command="Another")
        await site.house.sessions.purge(mine)
        await events.until("delete", id=mine)
    assert all(data.get("user", "alice") == "alice" for _, data in events.seen)


async def test_an_administrator_is_told_of_all(site: Site) -> None:
    """With scope=all, and of the node in full; others get a summary of it."""
    session_id = await site.session("alice")
    dora, alice = await site.signed_in("dora"), await site.signed_in("alice")
    async with dora.events("?scope=all") as events:
        await events.until("update", id=session_id)
        assert "load" in dict(events.seen)["node"]
    async with dora.events() as events:
        assert "update" not in await opening(events)
    async with alice.events() as events:
        node = await events.until("node")
        assert node == {"host": "node1", "ready": True, "draining": False, "message": ""}


async def test_a_share_is_told_to_both(site: Site) -> None:
    """The guest sees the session while the share holds; its owner hears of the shares."""
    session_id = await site.session("alice")
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    async with alice.events() as hers, bob.events() as his:
        await opening(hers)
        assert "update" not in await opening(his)
        share = await alice.post(f"/api/sessions/{session_id}/shares", {"user": "bob"})
        shown = await his.until("update", id=session_id)
        assert shown["access"] == {"role": "guest", "mode": "view", "paused": False}
        await hers.until("shares", session_id=session_id)
        assert (await alice.call("DELETE", f"/api/shares/{share.object['id']}")).status == 204
        await his.until("delete", id=session_id)
        await hers.until("shares", session_id=session_id)


async def test_a_stream_ends_with_its_sign_in(site: Site) -> None:
    """`signed_out` is the last thing it says."""
    alice = await site.signed_in("alice")
    async with alice.events() as events:
        await opening(events)
        await alice.post("/api/sign-out")
        await events.until("signed_out")
        with pytest.raises(EOFError):
            await events.next()


async def test_a_supervisor_that_is_lost_and_found_is_told(site: Site) -> None:
    """A sentence when it goes; when it is back, what has changed meanwhile and nothing else."""
    kept, gone = await site.session("alice"), await site.session("alice", "second-token")
    alice = await site.signed_in("alice")
    async with alice.events() as events:
        await opening(events)
        await site.house.relay.stop(1.0)
        lost = await events.until("upstream", connected=False)
        assert "supervisor" in lost["message"]
        refused = await alice.post(f"/api/sessions/{kept}/suspend")
        assert (refused.status, refused.code) == (503, "supervisor_unreachable")
        assert refused.headers["Retry-After"] == "5"
        assert "web.sock" in refused.object["detail"]
        await site.house.sessions.purge(gone)
        site.house.sessions.force(kept, command="Still here")
        await site.house.relay.start()
        await events.until("upstream", connected=True)
        await events.until("update", command="Still here")
        assert ("delete", {"id": gone}) in events.seen
        assert [name for name, _ in events.seen].count("reset") == 1


async def test_a_supervisor_that_starts_over_is_no_reset_for_browsers(site: Site) -> None:
    """Whose numbers are another store's: the new listing is compared with what was known."""
    kept, gone = await site.session("alice"), await site.session("alice", "second-token")
    alice = await site.signed_in("alice")
    async with alice.events() as events:
        await opening(events)
        await site.house.relay.stop(1.0)
        await events.until("upstream", connected=False)
        site.portal.mirror._last_id = "999999999"
        await site.house.sessions.purge(gone)
        site.house.sessions.force(kept, command="Still here")
        await site.house.relay.start()
        await events.until("upstream", connected=True)
        # In whichever order, among what else there is to tell.
        told = {(await events.next())[0] for _ in range(3)}
        assert told == {"node", "update", "delete"}
        assert [name for name, _ in events.seen].count("reset") == 1


async def test_a_portal_that_comes_first_waits(site: Site) -> None:
    """Before it knows what there is it says 503, with the reason."""
    alice = await site.signed_in("alice")
    mirror = site.portal.mirror
    mirror.synced.clear()
    mirror.trouble = "The supervisor was not reached yet."
    reply = await alice.get("/api/sessions")
    assert (reply.status, reply.code) == (503, "supervisor_unreachable")
    async with alice.events() as events:
        assert (await events.next())[1]["connected"] is False


async def test_a_session_that_changes_often_is_told_as_it_is(site: Site) -> None:
    """A browser that does not read is told the last state once, not each of a thousand."""
    session_id = await site.session("alice")
    with site.portal.mirror.watch() as reader:
        for number in range(1000):
            site.house.sessions.force(session_id, name=f"Name {number}")
            if number % 100 == 0:
                await asyncio.sleep(0)
        known = site.portal.mirror.sessions
        await until(lambda: known[session_id]["name"] == "Name 999")
        assert list(reader.sessions) == [session_id]


async def test_an_older_state_does_not_replace_a_newer_one(site: Site) -> None:
    """An answer may come after the event of what followed it."""
    session_id = await site.session("alice")
    mirror = site.portal.mirror
    newest = dict(mirror.sessions[session_id])
    mirror.absorb({**newest, "version": newest["version"] - 1, "name": "Old"})
    assert mirror.sessions[session_id]["name"] == newest["name"]


async def test_one_stream_serves_all_browsers(site: Site) -> None:
    """However many there are, the relay has one reader."""
    await site.session("alice")
    alice = await site.signed_in("alice")
    async with alice.events() as one, alice.events() as other, alice.events() as third:
        for events in (one, other, third):
            await opening(events)
        assert site.house.relay.presence.state()["streams"] == 1


async def test_a_user_has_so_many_streams_and_no_more(site: Site) -> None:
    """429 for one too many; a place is free again when one is left."""
    alice = await site.signed_in("alice")
    site.portal.events.streams.most = 1
    async with alice.events() as events:
        await opening(events)
        reply = await alice.get("/api/events")
        assert (reply.status, reply.code) == (429, "too_many_streams")
    await until(lambda: not site.portal.events.streams.count("alice"))
    async with alice.events() as events:
        await opening(events)


def test_events_are_read_in_whatever_pieces() -> None:
    """Byte by byte as well as at once; comments are none."""
    raw = (
        b': hi\n\nid: 7\nevent: update\ndata: {"id":\ndata: "x"}\n\n'
        b"event: synced\r\ndata: {}\r\n\r\n"
    )
    parser = EventParser()
    found = [event for byte in raw for event in parser.feed(bytes([byte]))]
    assert found == list(EventParser().feed(raw))
    assert [(e.id, e.kind, e.data) for e in found] == [
        ("7", "update", {"id": "x"}),
        (None, "synced", {}),
    ]


@pytest.mark.parametrize("raw", [b"data: [1]\n\n", b"data: {\n\n", b"data: " + b"x" * 5_000_000])
def test_what_is_no_event_stream_is_refused(raw: bytes) -> None:
    """Instead of being kept without end, or taken for something."""
    with pytest.raises(StreamBrokenError):
        list(EventParser().feed(raw))
