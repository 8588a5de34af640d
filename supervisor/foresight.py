"""What the policy will say of a template, as far as that can be known before anybody starts it.

Rendered for a user who is nobody in particular, with the defaults of all params.
"""

from __future__ import annotations

import platform

from supervisor.errors import PolicyError
from supervisor.host.identity import Identity
from supervisor.lifecycle.errors import InvalidRequestError
from supervisor.lifecycle.session import SessionId, StartRequest
from supervisor.policy.guard import Guard
from supervisor.reactor.draft import render_start
from supervisor.template.template import Template

_SOMEBODY = Identity("somebody", 60_000, 60_000, "/home/somebody", "/bin/sh", "", ())
_SESSION = SessionId("0" * 26)


def objection(template: Template, guard: Guard) -> str | None:
    """Why starts from it will be refused, or nothing that could be told without a start."""
    command = "xterm" if template.uses_command else None
    request = StartRequest(user=_SOMEBODY.name, template=template.name, command=command)
    try:
        rendered = render_start(template, request, _SOMEBODY, _SESSION, platform.node())
    except InvalidRequestError:
        # It wants something that only a start can say.
        return None
    try:
        guard.admit(rendered.spec, _SOMEBODY)
    except PolicyError as error:
        return str(error)
    return None
