"""The session object of the wire: what the web server, the event stream and webhooks are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from supervisor.lifecycle.session import DeadlineName, Session, SessionId
from supervisor.lifecycle.times import rfc3339


def session_object(session: Session) -> dict[str, Any]:
    """The public face of a session, JSON-ready. Internals (token, spec, deadlines) stay out."""
    return {
        "id": session.id,
        "user": session.user,
        "name": session.name,
        "title": session.title,
        "template": session.template,
        "image": session.image,
        "command": session.command,
        "geometry": session.geometry,
        "dpi": session.dpi,
        "params": dict(session.params),
        "clipboard": session.clipboard.value,
        "phase": session.phase.value,
        "reason": session.reason.value if session.reason else None,
        "message": session.message,
        "warning": session.warning.value if session.warning else None,
        "progress": session.progress,
        "queue_position": session.queue_position,
        "created_at": rfc3339(session.created_at),
        "started_at": rfc3339(session.started_at),
        "ready_at": rfc3339(session.ready_at),
        "ended_at": rfc3339(session.ended_at),
        "expires_at": rfc3339(session.deadlines.get(DeadlineName.LIFETIME)),
        "exit_code": session.exit_code,
        "viewers": {"control": session.viewers.control, "view": session.viewers.view},
        "last_input_at": rfc3339(session.last_input_at),
        "last_seen_at": rfc3339(session.last_seen_at),
        "usage": {
            "memory_bytes": session.usage.memory_bytes,
            "cpu_seconds": session.usage.cpu_seconds,
            "processes": session.usage.processes,
            "cpu_cores": round(session.cpu_cores, 3),
        },
        "node": session.node,
        "container_id": session.container_id,
        "version": session.version,
    }


def update_document(session: Session) -> bytes:
    """The ``data`` of an ``update`` event: the whole session, compact JSON on one line."""
    return json.dumps(session_object(session), separators=(",", ":")).encode()


def delete_document(session_id: SessionId) -> bytes:
    """The ``data`` of a ``delete`` event."""
    return json.dumps({"id": session_id}, separators=(",", ":")).encode()


def node_document(node: Mapping[str, Any]) -> bytes:
    """The ``data`` of a ``node`` event."""
    return json.dumps(node, separators=(",", ":")).encode()
