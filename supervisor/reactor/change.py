"""Changing a session on request: what its template allows, rendered anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from supervisor.engine.plan import dump_plan, load_plan
from supervisor.lifecycle.errors import ConflictError, TemplateNotFoundError
from supervisor.lifecycle.facts import ChangeRequested, Rendered
from supervisor.lifecycle.session import ParamValue, Phase, Session, known_phase
from supervisor.policy.guard import Guard
from supervisor.reactor.directory import Directory
from supervisor.reactor.draft import template_context
from supervisor.reactor.worker import Reactor
from supervisor.template.catalog import TemplateCatalog
from supervisor.template.params import change_params
from supervisor.template.render import render
from supervisor.template.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Judges changes one after the other, so that two at a time do not undo each other."""

    directory: Directory
    reactor: Reactor
    catalog: TemplateCatalog
    guard: Callable[[], Guard]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def change(
        self, session_id: str, *, name: str | None, params: Mapping[str, ParamValue]
    ) -> Session:
        """Commit a new name and new values of params; returns the session as it is then.

        Raises SessionNotFoundError, ConflictError for a session that is over or whose template is
        gone, ParamsInvalidError for params that are not there, not changeable or not allowed.
        """
        async with self.turn:
            while True:
                session = self.directory.get(session_id)
                _require_live(session)
                rendered = await self._rendered(session, params) if params else None
                changed = await self.reactor.submit(session_id, ChangeRequested(name, rendered))
                _require_live(changed)
                if rendered is None or _holds(changed, rendered):
                    return changed

    async def _rendered(self, session: Session, changes: Mapping[str, ParamValue]) -> Rendered:
        """Of what has started only the container's limits can change."""
        if not session.spec:
            raise ConflictError(
                "How the session was started is lost; its params cannot be changed."
            )
        plan = load_plan(session.spec)
        template = self._template(session)
        params = change_params(template.params, session.params, changes)
        waiting = session.phase is Phase.PENDING
        if plan.request is None:
            return Rendered(waiting, params, session.spec, session.image, session.command)
        context = template_context(plan.identity, session.id, plan.request.name, session.node)
        anew = render(template, replace(plan.request, params=params), context)
        anew = replace(anew, spec=await self.guard().admitted(anew.spec, plan.identity))
        if waiting:
            plan = replace(plan, spec=anew.spec, command=anew.command, pull_policy=anew.pull_policy)
        else:
            plan = replace(plan, spec=replace(plan.spec, resources=anew.spec.resources))
        return Rendered(waiting, params, dump_plan(plan), anew.image, anew.command_text)

    def _template(self, session: Session) -> Template:
        try:
            return self.catalog.get(session.template)
        except TemplateNotFoundError as error:
            message = f"The template {session.template} is gone; its params cannot be changed."
            raise ConflictError(message) from error


def _holds(session: Session, rendered: Rendered) -> bool:
    """Whether it was taken; not if the session was started in the meantime."""
    return (session.spec, session.params) == (rendered.spec, rendered.params)


def _require_live(session: Session) -> None:
    if known_phase(session) in (Phase.TERMINATING, Phase.ENDED):
        raise ConflictError("The session is over; nothing of it can be changed.")
