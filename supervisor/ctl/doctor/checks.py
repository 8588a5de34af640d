"""Every check there is: its name, its group, what it looks at, and what it asks whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from supervisor import __version__
from supervisor.ctl.doctor import gather_daemon as ask
from supervisor.ctl.doctor import gather_engine as engine
from supervisor.ctl.doctor import gather_files as files
from supervisor.ctl.doctor import gather_setup as setup
from supervisor.ctl.doctor import judge_daemon as of_daemon
from supervisor.ctl.doctor import judge_engine as of_engine
from supervisor.ctl.doctor import judge_files as of_files
from supervisor.ctl.doctor import judge_setup as of_setup
from supervisor.ctl.doctor.finding import Finding, UnknownFactError
from supervisor.ctl.doctor.scene import Scene, on_thread

F = TypeVar("F")

_STATE_BYTES = 64 * of_files.MEBIBYTE
_RUN_BYTES = 16 * of_files.MEBIBYTE
_ENGINE_BYTES = of_files.GIBIBYTE


@dataclass(frozen=True, slots=True)
class Check:
    """One question; ``examine`` answers it."""

    name: str
    group: str
    about: str
    examine: Callable[[Scene], Awaitable[Finding]]
    for_user: bool = False
    """Asked when there is a user to ask it about."""


def _by(
    gather: Callable[[Scene], Awaitable[F]], judge: Callable[[F], Finding]
) -> Callable[[Scene], Awaitable[Finding]]:
    async def examine(scene: Scene) -> Finding:
        return judge(await gather(scene))

    return examine


def _by_thread(
    gather: Callable[[Scene], F], judge: Callable[[F], Finding]
) -> Callable[[Scene], Awaitable[Finding]]:
    async def examine(scene: Scene) -> Finding:
        return judge(await on_thread(lambda: gather(scene)))

    return examine


async def _currency(scene: Scene) -> Finding:
    # One that cannot be read is another check's.
    await scene.config()
    changed_at = await on_thread(lambda: setup.config_changed_at(scene))
    return of_setup.judge_currency(changed_at, *await setup.loaded(scene))


async def _policy(scene: Scene) -> Finding:
    policy = (await scene.config()).policy
    return of_setup.judge_policy(list(policy.allow), list(map(str, policy.mount_sources)))


async def _secrets(scene: Scene) -> Finding:
    config = await scene.config()
    return of_setup.judge_secrets(await on_thread(lambda: setup.webhook_secrets(scene, config)))


async def _bundle(scene: Scene) -> Finding:
    path = (await scene.config()).agent.bundle
    return of_files.judge_bundle(await on_thread(lambda: files.bundle_of(path)))


async def _bundle_architecture(scene: Scene) -> Finding:
    path = (await scene.config()).agent.bundle
    bundle = await on_thread(lambda: files.bundle_of(path))
    if bundle.error or "bin/Xtigervnc" in bundle.missing:
        message = "the bundle cannot be used (see bundle)"
        raise UnknownFactError(message)
    theirs = None
    with suppress(UnknownFactError):
        theirs = files.debian_architecture(str((await scene.engine_info()).get("Architecture")))
    return of_files.judge_bundle_architecture(bundle, files.host_architecture(), theirs)


async def _networks(scene: Scene) -> Finding:
    limits = (await scene.config()).limits
    return of_engine.judge_networks(await engine.networks(scene), limits.max_sessions)


async def _run_directory(scene: Scene) -> Finding:
    path = scene.places.run
    owned = await on_thread(lambda: files.owned(scene, path, ("sessions",)))
    return of_files.judge_owned(owned)


async def _state_directory(scene: Scene) -> Finding:
    path = scene.places.local
    owned = await on_thread(lambda: files.owned(scene, path, ("supervisor.db",)))
    return of_files.judge_owned(owned)


async def _state_disk(scene: Scene) -> Finding:
    disk = await on_thread(lambda: files.disk_of(scene.places.local))
    cure = f"Make room (du -xh {disk.path} | sort -h | tail), or move FX_LOCAL_DIR."
    return of_files.judge_disk(disk, _STATE_BYTES, cure)


async def _run_disk(scene: Scene) -> Finding:
    disk = await on_thread(lambda: files.disk_of(scene.places.run))
    cure = f"Make room (du -xh {disk.path} | sort -h | tail); mount -o remount,size= for a tmpfs."
    return of_files.judge_disk(disk, _RUN_BYTES, cure)


async def _engine_disk(scene: Scene) -> Finding:
    disk = await engine.engine_disk(scene)
    cure = "docker system df shows what takes it; docker image prune removes what is not used."
    return of_files.judge_disk(disk, _ENGINE_BYTES, cure)


async def _processes(scene: Scene) -> Finding:
    limits = (await scene.config()).limits
    return of_daemon.judge_processes(ask.most_processes(), limits.max_sessions)


async def _descriptors(scene: Scene) -> Finding:
    limits = (await scene.config()).limits
    return of_daemon.judge_descriptors(ask.open_files(scene), limits.max_sessions)


async def _inotify(_scene: Scene) -> Finding:
    return of_daemon.judge_inotify(ask.inotify_instances())


async def _daemon(scene: Scene) -> Finding:
    return of_daemon.judge_daemon(await ask.daemon_error(scene), str(scene.places.socket))


async def _ready(scene: Scene) -> Finding:
    return of_daemon.judge_ready(*await ask.node_and_engine(scene))


async def _version(scene: Scene) -> Finding:
    return of_daemon.judge_version(await ask.node(scene), __version__)


async def _user(scene: Scene) -> Finding:
    return of_setup.judge_user(*await setup.user_standing(scene))


async def _home(scene: Scene) -> Finding:
    return of_files.judge_home(await on_thread(lambda: files.home_of(str(scene.user))))


async def _home_mount(scene: Scene) -> Finding:
    home = await on_thread(lambda: files.home_of(str(scene.user)))
    if home.mode is None:
        message = "there is no home directory (see home)"
        raise UnknownFactError(message)
    return of_files.judge_home_mount(home, await engine.mount_refusal(scene, home.path))


_CONFIG, _ENGINE, _TEMPLATES = "Configuration", "Docker Engine", "Templates and images"
_FILES, _HOST, _DAEMON, _USER = "Files and disks", "Host", "Daemon", "User"

CHECKS: tuple[Check, ...] = (
    Check(
        "config",
        _CONFIG,
        "supervisor.yaml is valid",
        _by_thread(setup.config_faults, lambda f: of_setup.judge_config(f, "supervisor.yaml")),
    ),
    Check(
        "config-files",
        _CONFIG,
        "nobody else can write configuration and templates",
        _by_thread(files.config_entries, of_files.judge_config_files),
    ),
    Check("config-current", _CONFIG, "the daemon runs with the file as it is", _currency),
    Check("policy", _CONFIG, "the policy gives nothing away", _policy),
    Check("secrets", _CONFIG, "the webhook's secrets are readable and kept", _secrets),
    Check(
        "engine", _ENGINE, "the engine answers", _by(engine.engine_reach, of_engine.judge_engine)
    ),
    Check(
        "engine-access",
        _ENGINE,
        "the daemon's user may use its socket",
        _by(engine.socket_access, of_engine.judge_access),
    ),
    Check(
        "engine-version",
        _ENGINE,
        "it is new enough",
        _by(engine.engine_version, of_engine.judge_version),
    ),
    Check(
        "limits",
        _ENGINE,
        "memory, processes and CPU can be limited",
        _by(engine.limits_trial, of_engine.judge_limits),
    ),
    Check(
        "user-ids",
        _ENGINE,
        "no userns-remap, no rootless mode",
        _by(engine.engine_info, of_engine.judge_namespaces),
    ),
    Check(
        "confinement",
        _ENGINE,
        "seccomp, AppArmor, SELinux",
        _by(engine.engine_info, of_engine.judge_confinement),
    ),
    Check(
        "live-restore",
        _ENGINE,
        "what a restart of the engine does to sessions",
        _by(engine.engine_info, of_engine.judge_live_restore),
    ),
    Check("storage", _ENGINE, "storage driver", _by(engine.engine_info, of_engine.judge_storage)),
    Check("networks", _ENGINE, "room on bridge networks", _networks),
    Check(
        "forwarding",
        _ENGINE,
        "sessions reach the network",
        _by(engine.engine_info, of_engine.judge_forwarding),
    ),
    Check(
        "clock",
        _ENGINE,
        "engine and host have the same time",
        _by(engine.clock_difference, of_engine.judge_clock),
    ),
    Check(
        "templates",
        _TEMPLATES,
        "every template is valid",
        _by_thread(setup.template_faults, lambda f: of_setup.judge_templates(*f)),
    ),
    Check(
        "template-policy",
        _TEMPLATES,
        "the policy allows them",
        _by(setup.refusals, of_setup.judge_refusals),
    ),
    Check(
        "images",
        _TEMPLATES,
        "their images are here",
        _by(setup.template_images, of_setup.judge_images),
    ),
    Check("perl", _TEMPLATES, "images have perl", _by(setup.images_with_perl, of_setup.judge_perl)),
    Check("bundle", _TEMPLATES, "the X server bundle is whole", _bundle),
    Check("bundle-architecture", _TEMPLATES, "it fits host and engine", _bundle_architecture),
    Check("run-directory", _FILES, "owner and modes of the run-time directory", _run_directory),
    Check("run-disk", _FILES, "room for sockets and sessions' files", _run_disk),
    Check("state-directory", _FILES, "owner and modes of the state directory", _state_directory),
    Check("state-disk", _FILES, "room for the database", _state_disk),
    Check("engine-disk", _FILES, "room for images and containers", _engine_disk),
    Check("processes", _HOST, "room for the sessions' processes", _processes),
    Check("descriptors", _HOST, "how many files the daemon may open", _descriptors),
    Check("inotify", _HOST, "how many programs of a user can watch files", _inotify),
    Check("service", _DAEMON, "systemd starts it", _by(ask.service, of_daemon.judge_service)),
    Check("daemon", _DAEMON, "it answers", _daemon),
    Check("ready", _DAEMON, "it can start sessions", _ready),
    Check("version", _DAEMON, "it is of fxctl's version", _version),
    Check(
        "web-server", _DAEMON, "somebody follows events", _by(ask.node, of_daemon.judge_web_server)
    ),
    Check("webhook", _DAEMON, "events are posted", _by(ask.node, of_daemon.judge_webhook)),
    Check("audit", _DAEMON, "who did what is recorded", _by(ask.node, of_daemon.judge_audit)),
    Check(
        "orphans",
        _DAEMON,
        "sessions, containers and files agree",
        _by(ask.reconciliation, of_daemon.judge_orphans),
    ),
    Check("user", _USER, "the user may have sessions", _user, for_user=True),
    Check("home", _USER, "HOME is there and theirs", _home, for_user=True),
    Check("home-mount", _USER, "the engine can mount HOME", _home_mount, for_user=True),
)
