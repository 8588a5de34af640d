"""From a start request to a session's record, as it is accepted. Pure."""

from __future__ import annotations

from supervisor.engine.plan import LaunchPlan, dump_plan
from supervisor.host.identity import Identity
from supervisor.lifecycle.session import (
    ClipboardPolicy,
    Session,
    SessionId,
    StartRequest,
    Timestamp,
)
from supervisor.template.render import RenderContext, RenderedSession, UserContext, render
from supervisor.template.template import Template


def render_start(
    template: Template,
    request: StartRequest,
    identity: Identity,
    session_id: SessionId,
    node: str,
) -> RenderedSession:
    """The template for this user and request. Raises TemplateValueError, ParamsInvalidError."""
    return render(template, request, template_context(identity, session_id, request.name, node))


def draft_session(  # noqa: PLR0913 what a session is made of, all by name
    *,
    session_id: SessionId,
    request: StartRequest,
    rendered: RenderedSession,
    clipboard_ceiling: ClipboardPolicy,
    identity: Identity,
    node: str,
    now: Timestamp,
) -> Session:
    """What is stored of a start that was rendered, and that the policy allows."""
    plan = LaunchPlan(
        spec=rendered.spec,
        identity=identity,
        command=rendered.command,
        pull_policy=rendered.pull_policy,
        request=request,
    )
    return Session(
        id=session_id,
        user=identity.name,
        name=rendered.name,
        template=request.template,
        image=rendered.image,
        command=rendered.command_text,
        geometry=rendered.geometry,
        dpi=rendered.dpi,
        params=rendered.params,
        created_at=now,
        node=node,
        rules=rendered.rules,
        clipboard_ceiling=clipboard_ceiling,
        spec=dump_plan(plan),
    )


def template_context(
    identity: Identity, session_id: SessionId, session_name: str | None, node: str
) -> RenderContext:
    """What a template may interpolate of this user, session and host."""
    user = UserContext(
        name=identity.name,
        uid=identity.uid,
        gid=identity.gid,
        home=identity.home,
        shell=identity.shell,
        gecos=identity.gecos,
        groups=identity.gids,
    )
    return RenderContext(
        user=user, session_id=session_id, session_name=session_name or "", host_name=node
    )
