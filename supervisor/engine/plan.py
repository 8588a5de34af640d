"""What was settled when a session was accepted, stored with it: a later start needs nothing else.

A change of template or of the host's user database after that does not reach this session.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from supervisor.host.identity import Identity
from supervisor.lifecycle.session import StartRequest
from supervisor.template.schema.service import PullPolicy
from supervisor.template.spec import ContainerSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlan:
    """A rendered template and the user it was rendered for."""

    spec: ContainerSpec
    identity: Identity
    command: str | tuple[str, ...]
    """A line for ``/bin/sh -c``, or arguments to execute as they are."""
    pull_policy: PullPolicy
    request: StartRequest | None = None
    """What was asked for, so that it can be rendered again with other params."""


_PLAN = TypeAdapter(LaunchPlan)


def dump_plan(plan: LaunchPlan) -> str:
    """The plan as JSON."""
    return _PLAN.dump_json(plan).decode()


def load_plan(text: str) -> LaunchPlan:
    """The plan from its JSON. Raises pydantic.ValidationError."""
    return _PLAN.validate_json(text)
