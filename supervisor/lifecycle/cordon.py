"""A node that takes no new sessions: by whose order, since when, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Cordon:
    """It stands until somebody lifts it, over any number of restarts."""

    by: str
    since: Timestamp
    reason: str = ""


class NodeDrainingError(UnavailableError):
    """The node has been cordoned: what runs goes on, nothing new is taken."""

    code = "draining"
    retry_after_seconds = 60


def ordered(present: Cordon | None, by: str, reason: str, now: Timestamp) -> Cordon:
    """The cordon after one more order: the first counts, but for a new reason and its author."""
    if present is None:
        return Cordon(by=by, since=now, reason=reason)
    if not reason or reason == present.reason:
        return present
    return replace(present, by=by, reason=reason)


def refusal(cordon: Cordon) -> NodeDrainingError:
    """What somebody hears who wants a session."""
    why = f": {cordon.reason}" if cordon.reason else ""
    return NodeDrainingError(
        f"This node has taken no new sessions since {rfc3339(cordon.since)}, by order of "
        f"{cordon.by}{why}. Start the session on another node, or when this one is open again "
        "(fxctl undrain)."
    )


def cordon_object(cordon: Cordon | None) -> dict[str, Any] | None:
    """As the node object shows it, JSON-ready."""
    if cordon is None:
        return None
    return {"by": cordon.by, "since": rfc3339(cordon.since), "reason": cordon.reason}
