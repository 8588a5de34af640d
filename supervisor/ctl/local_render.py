"""``fxctl render``: what a start would send to the engine, worked out without daemon or engine.

The same steps as the daemon's intake and launch, with stand-ins for what only they know: the
session's id, the image's id, and where in the image perl is.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from supervisor.config import Config, load_config
from supervisor.ctl.views import template_view
from supervisor.ctl.wishes import typed_params
from supervisor.engine.dress import HostPaths, dress
from supervisor.engine.payload import container_body, extra_networks, mask_secrets
from supervisor.engine.plan import load_plan
from supervisor.errors import ConfigError
from supervisor.host.bundle import bundle_mounts
from supervisor.host.identity import IdentityPolicy, look_up
from supervisor.host.image_contents import ImageContents
from supervisor.lifecycle.session import SessionId, StartRequest
from supervisor.places import config_directory, local_directory, run_directory
from supervisor.policy.guard import Guard
from supervisor.reactor.draft import draft_session, render_start
from supervisor.share import agent_directory, templates_directory
from supervisor.template.catalog import TemplateCatalog
from supervisor.template.description import describe

PLACEHOLDER_ID = SessionId("0" * 26)
PLACEHOLDER_OWNER = "0" * 16


@dataclass(frozen=True, slots=True)
class Rendering:
    """The body of ``POST /containers/create``, secrets masked, and what to know about it."""

    body: Mapping[str, Any]
    notes: tuple[str, ...]


def render_locally(
    request: StartRequest, texts: Mapping[str, str], config_file: Path | None
) -> Rendering:
    """Render a start; ``texts`` are params as typed.

    Raises ConfigError, TemplateNotFoundError, TemplateError with every fault of the file, and
    InvalidRequestError with every fault of the request.
    """
    config = load_config(config_file)
    template = TemplateCatalog(config_directory(), templates_directory()).get(request.template)
    declared = template_view(asdict(describe(template))).params
    request = replace(request, params=typed_params(texts, declared))
    policy = IdentityPolicy(config.identity.min_uid, config.identity.forbidden_groups)
    identity = asyncio.run(look_up(request.user, policy))
    rendered = render_start(template, request, identity, PLACEHOLDER_ID, platform.node())
    guard = Guard(config.policy.policy(config.identity.forbidden_groups))
    spec = guard.admit(rendered.spec, identity)
    session = draft_session(
        session_id=PLACEHOLDER_ID,
        request=request,
        rendered=replace(rendered, spec=spec),
        clipboard_ceiling=guard.policy.clipboard,
        identity=identity,
        node=platform.node(),
        now=0.0,
    )
    paths, notes = _host_paths(config)
    image = ImageContents(image_id="", perl=None, passwd="", group="")
    spec = dress(session, load_plan(session.spec), image, paths, _owner())
    networks = (name for name, _ in extra_networks(spec))
    notes += [f"Before it starts, the container also joins {name}." for name in networks]
    return Rendering(mask_secrets(container_body(spec)), tuple(notes))


def _host_paths(config: Config) -> tuple[HostPaths, list[str]]:
    """As the daemon has them, but a bundle that is not there is only worth a note."""
    notes: list[str] = []
    mounts: Mapping[str, str] = {}
    try:
        mounts = bundle_mounts(config.agent.bundle)
    except ConfigError as error:
        notes.append(f"{error} Its mounts are left out here.")
    run = run_directory(None)
    paths = HostPaths(
        agent=config.agent.directory or agent_directory(),
        bundle=config.agent.bundle,
        bundle_mounts=mounts,
        sessions=run / "sessions",
        relay=run / "relay",
    )
    return paths, notes


def _owner() -> str:
    """The daemon's instance id, where whoever calls may read it."""
    try:
        return (local_directory() / "instance-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return PLACEHOLDER_OWNER
