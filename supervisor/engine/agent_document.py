"""``session.json``: what the agent in the container is told (docs/agent-protocol.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from supervisor.engine.plan import LaunchPlan
from supervisor.lifecycle.session import Session

BUNDLE_PATH = "/opt/fastx/bundle"
AGENT_PATH = "/opt/fastx/agent"
SESSION_PATH = "/run/fastx/session"
RELAY_PATH = "/run/fastx/relay"

_DEPTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How agents behave, the same for all sessions of this daemon."""

    heartbeat_seconds: float = 15.0
    x_start_seconds: float = 20.0
    relay_grace_seconds: float = 30.0
    report_grace_seconds: float = 20.0
    log_tail_bytes: int = 32_768


def session_document(
    session: Session, plan: LaunchPlan, settings: AgentSettings, token: str
) -> str:
    """The document as JSON; it holds the session's token.

    Its clipboard is the template's: what the host lets through of it may change while the session
    runs, and is kept by the relay.
    """
    command = plan.command if isinstance(plan.command, str) else list(plan.command)
    document = {
        "version": 1,
        "session": session.id,
        "user": plan.identity.name,
        "home": plan.identity.home,
        "shell": plan.identity.shell,
        "token": token,
        "relay": {
            "session": f"unix:{RELAY_PATH}/session.sock",
            "display": f"unix:{RELAY_PATH}/display.sock",
        },
        "bundle": BUNDLE_PATH,
        "command": command,
        "working_dir": plan.spec.working_dir,
        "geometry": session.geometry,
        "depth": _DEPTH,
        "dpi": session.dpi,
        "desktop": session.name,
        "clipboard": session.rules.clipboard.value,
        "end": session.rules.end.value,
        "window_manager": session.rules.window_manager.value,
        "heartbeat_seconds": settings.heartbeat_seconds,
        "x_start_seconds": settings.x_start_seconds,
        "relay_grace_seconds": settings.relay_grace_seconds,
        "stop_grace_seconds": session.rules.stop_grace_seconds,
        "report_grace_seconds": settings.report_grace_seconds,
        "log_tail_bytes": settings.log_tail_bytes,
    }
    return json.dumps(document, ensure_ascii=False, indent=1)
