"""The labels by which this supervisor knows its containers."""

from __future__ import annotations

OWNER = "com.fastx.supervisor.owner"
SESSION = "com.fastx.supervisor.session"
USER = "com.fastx.supervisor.user"
TEMPLATE = "com.fastx.supervisor.template"
GENERATION = "com.fastx.supervisor.generation"
SPEC_HASH = "com.fastx.supervisor.spec-hash"
KEPT = "com.fastx.supervisor.kept"
"""On containers that the engine does not remove when they exit, so that the supervisor has to."""
PROBE = "com.fastx.supervisor.probe"
"""On containers that are created to read an image and never started."""
