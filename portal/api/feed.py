"""What one browser has been told, and what it has to be told next. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from portal.access import Person
from portal.roster import Roster
from portal.upstream.mirror import Mirror, Reader


class Feed:
    """Of one browser; ``everybody``: an administrator's, of all sessions."""

    def __init__(self, roster: Roster, person: Person, *, everybody: bool) -> None:
        self._roster = roster
        self._person = person
        self._everybody = everybody
        self._told: set[str] = set()
        """Ids of the sessions that the browser has."""
        self._synced = False

    @property
    def _mirror(self) -> Mirror:
        return self._roster.mirror

    def opening(self, reader: Reader) -> bytes:
        """What comes first."""
        parts = [encode("upstream", upstream_object(self._mirror)), *self._node()]
        return b"".join((*parts, *self._everything(), *self._rest(reader)))

    def news(self, reader: Reader) -> bytes:
        """What has changed since; nothing if that does not concern this browser."""
        return b"".join(self._rest(reader))

    def _rest(self, reader: Reader) -> Iterator[bytes]:
        reader.news.clear()
        if reader.upstream:
            reader.upstream = False
            yield encode("upstream", upstream_object(self._mirror))
        if reader.node:
            reader.node = False
            yield from self._node()
        if not self._synced:
            yield from self._everything()
        changed, reader.sessions = reader.sessions, {}
        for session_id in changed:
            yield from self._session(session_id)
        shared, reader.shares = reader.shares, {}
        for session_id in shared:
            session = self._mirror.sessions.get(session_id)
            if session is not None and session["user"] == self._person.user:
                yield encode("shares", {"session_id": session_id})

    def _everything(self) -> Iterator[bytes]:
        """Once it is known what there is."""
        if not self._mirror.synced.is_set():
            return
        self._synced = True
        yield encode("reset", {})
        for session in self._roster.all_visible(self._person, everybody=self._everybody):
            self._told.add(session["id"])
            yield encode("update", session)
        yield encode("synced", {})

    def _session(self, session_id: str) -> Iterator[bytes]:
        session = self._roster.visible(self._person, session_id, everybody=self._everybody)
        if session is not None:
            self._told.add(session_id)
            yield encode("update", session)
        elif session_id in self._told:
            self._told.discard(session_id)
            yield encode("delete", {"id": session_id})

    def _node(self) -> Iterator[bytes]:
        node = self._mirror.node
        if node is not None:
            yield encode("node", node if self._person.is_administrator else node_summary(node))


def upstream_object(mirror: Mirror) -> dict[str, Any]:
    """Whether the supervisor is there."""
    return {"connected": mirror.trouble is None, "message": mirror.trouble or ""}


def node_summary(node: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody may know of the node."""
    message = "" if node["ready"] else "Sessions cannot be started at the moment."
    if node["draining"]:
        reason = (node["cordon"] or {}).get("reason")
        message = f"No new sessions are started here{f': {reason}' if reason else '.'}"
    return {
        "host": node["host"],
        "ready": node["ready"],
        "draining": node["draining"],
        "message": message,
    }


def encode(event: str, data: Mapping[str, Any]) -> bytes:
    """A server-sent event (HTML Standard, section 9.2)."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
