"""Reads configuration and templates, and asks the engine for the templates' images."""

from __future__ import annotations

import os
import platform
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.config import Config, load_config
from supervisor.ctl.doctor.finding import UnknownFactError
from supervisor.ctl.doctor.gather_files import daemon_account
from supervisor.ctl.doctor.judge_setup import Refusal, Secret, TemplateImage
from supervisor.ctl.doctor.scene import Scene, on_thread
from supervisor.ctl.text import moment
from supervisor.errors import ConfigError, EngineError, ImageNotAllowedError, PolicyError
from supervisor.host.identity import Identity, IdentityPolicy, look_up
from supervisor.lifecycle.errors import InvalidRequestError, SupervisorError
from supervisor.lifecycle.session import SessionId, StartRequest
from supervisor.policy.guard import Guard
from supervisor.reactor.draft import render_start
from supervisor.settings import allowed_peers
from supervisor.share import templates_directory
from supervisor.template.catalog import TemplateCatalog
from supervisor.template.errors import TemplateError
from supervisor.template.template import Template
from supervisor.webhook_secret import read_webhook_secret

if TYPE_CHECKING:
    from supervisor.template.render import RenderedSession

_NO_SESSION = SessionId("0" * 26)


def config_faults(scene: Scene) -> tuple[str, ...]:
    """What is wrong with supervisor.yaml, with file, line and column."""
    file = scene.places.config_file
    default = scene.places.config / "supervisor.yaml"
    try:
        config = Config() if file == default and not file.exists() else load_config(file)
        allowed_peers(config)
    except ConfigError as error:
        return tuple(str(error).splitlines())
    return ()


def config_changed_at(scene: Scene) -> float | None:
    """When supervisor.yaml was written; ``None`` where there is none."""
    try:
        return scene.places.config_file.stat().st_mtime
    except FileNotFoundError:
        return None


async def loaded(scene: Scene) -> tuple[float, list[str]]:
    """When the daemon has loaded its configuration, and what of it waits for the next start."""
    told = (await scene.node()).get("configuration") or {}
    at = moment(told.get("loaded_at"))
    if at is None:
        message = "the daemon does not tell when it was loaded (see version)"
        raise UnknownFactError(message)
    return at.timestamp(), list(map(str, told.get("kept") or ()))


def webhook_secrets(scene: Scene, config: Config) -> list[Secret]:
    """Each secret's file. Raises PermissionError where this user may not look."""
    return [_secret(scene, path) for path in config.relay.webhook.secret_files]


def _secret(scene: Scene, path: Path) -> Secret:
    name, uid = daemon_account(scene)
    try:
        read_webhook_secret(path)
    except ConfigError as error:
        if isinstance(error.__cause__, PermissionError) and os.geteuid() != uid:
            raise error.__cause__ from None
        return Secret(str(path), fault=str(error))
    status = path.stat()
    gids = scene.life.gids if scene.life else frozenset(os.getgrouplist(name, 0)) - {0}
    bit = stat.S_IROTH
    if status.st_uid == uid:
        bit = stat.S_IRUSR
    elif status.st_gid in gids:
        bit = stat.S_IRGRP
    return Secret(
        str(path),
        readable_by_all=bool(status.st_mode & stat.S_IROTH),
        readable_by_daemon=uid == 0 or bool(status.st_mode & bit),
    )


def catalog_of(scene: Scene) -> TemplateCatalog:
    """The templates of this installation."""
    return TemplateCatalog(scene.places.config, templates_directory())


def template_faults(scene: Scene) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Faults of every file, and the names that there are."""
    catalog = catalog_of(scene)
    return tuple(map(str, catalog.faults())), catalog.names()


def valid_templates(scene: Scene) -> dict[str, Template]:
    """Those that can be read."""
    catalog, found = catalog_of(scene), {}
    for name in catalog.names():
        try:
            found[name] = catalog.get(name)
        except TemplateError:
            continue
    return found


def _is_shipped(template: Template) -> bool:
    return template.path.parent == templates_directory()


async def refusals(scene: Scene) -> list[Refusal]:
    """Valid templates that nobody can start as they are."""
    config = await scene.config()
    identity = await _identity(scene, config)
    return await on_thread(lambda: _refusals(scene, config, identity))


def _refusals(scene: Scene, config: Config, identity: Identity) -> list[Refusal]:
    guard = Guard(config.policy.policy(config.identity.forbidden_groups))
    found = []
    for name, template in valid_templates(scene).items():
        try:
            rendered = _rendered(name, template, identity)
            if rendered is not None:
                guard.admit(rendered.spec, identity)
        except (PolicyError, ImageNotAllowedError) as error:
            found.append(Refusal(template=name, reason=str(error), shipped=_is_shipped(template)))
    return found


async def template_images(scene: Scene) -> list[TemplateImage]:
    """The image of each template, and whether the engine has it."""
    return await scene.once("images", lambda: _template_images(scene))


async def _template_images(scene: Scene) -> list[TemplateImage]:
    config = await scene.config()
    survey = await scene.engine()
    identity = await _identity(scene, config)
    wanted = await on_thread(lambda: _wanted_images(scene, identity))
    found = []
    for each in wanted:
        image = await survey.find_image(each.image)
        found.append(replace(each, image_id=None if image is None else str(image["Id"])))
    return found


def _wanted_images(scene: Scene, identity: Identity) -> list[TemplateImage]:
    wanted = []
    for name, template in valid_templates(scene).items():
        if (rendered := _rendered(name, template, identity)) is not None:
            wanted.append(
                TemplateImage(
                    template=name,
                    image=rendered.image,
                    pull_policy=str(rendered.pull_policy),
                    shipped=_is_shipped(template),
                )
            )
    return wanted


async def images_with_perl(scene: Scene) -> list[TemplateImage]:
    """Those that are here, read through a container that is never started."""
    survey = await scene.engine()
    read: dict[str, bool | None] = {}
    images = [each for each in await template_images(scene) if each.image_id]
    for each in images:
        image_id = str(each.image_id)
        if image_id not in read:
            try:
                read[image_id] = (await survey.read_image(image_id)).perl is not None
            except EngineError:
                read[image_id] = None
    return [replace(each, has_perl=read[str(each.image_id)]) for each in images]


async def user_standing(scene: Scene) -> tuple[str, str, dict[str, bool]]:
    """The user, why they may have no session, and which of their groups enter containers."""
    import grp  # noqa: PLC0415

    user, policy = str(scene.user), _identity_policy(await scene.config())
    try:
        identity = await look_up(user, policy)
    except SupervisorError as error:
        return user, str(error), {}
    gids = await on_thread(lambda: os.getgrouplist(user, identity.gid))
    kept = {group.gid: group.name for group in identity.groups}
    names = {gid: kept.get(gid) or grp.getgrgid(gid).gr_name for gid in gids}
    return user, "", {name: gid in kept for gid, name in names.items()}


async def _identity(scene: Scene, config: Config) -> Identity:
    """The user in question, or somebody who could be."""
    if scene.user is not None:
        try:
            return await look_up(scene.user, _identity_policy(config))
        except SupervisorError:
            pass
    uid = max(1000, config.identity.min_uid)
    return Identity("somebody", uid, uid, "/home/somebody", "/bin/sh", "", ())


def _identity_policy(config: Config) -> IdentityPolicy:
    return IdentityPolicy(config.identity.min_uid, config.identity.forbidden_groups)


def _rendered(name: str, template: Template, identity: Identity) -> RenderedSession | None:
    """With defaults; ``None`` where a request has to say more."""
    command = "xterm" if template.uses_command else None
    request = StartRequest(user=identity.name, template=name, command=command)
    try:
        return render_start(template, request, identity, _NO_SESSION, platform.node())
    except InvalidRequestError:
        return None
