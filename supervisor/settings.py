"""The configuration as each part of the daemon wants it."""

from __future__ import annotations

import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relay.config import RelayConfig, WebhookConfig
from relay.sockets import Address, address_of
from relay.tcp_terms import Certificate, TcpTerms, WebToken
from supervisor.addresses import is_loopback
from supervisor.certificates import read_certificate
from supervisor.config import Config, TcpConfig
from supervisor.engine.agent_document import AgentSettings
from supervisor.engine.dress import HostPaths
from supervisor.errors import ConfigError
from supervisor.host.allowed import gids, uids
from supervisor.host.bundle import bundle_mounts
from supervisor.host.identity import IdentityPolicy
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.core import CoreSettings
from supervisor.reactor.reconcile import OrphanRules
from supervisor.reactor.retention import RetentionBounds
from supervisor.share import agent_directory, openapi_document
from supervisor.web_token import read_web_token
from supervisor.webhook_secret import read_webhook_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where this daemon's files are."""

    config: Path
    local: Path
    run: Path


def core_settings(config: Config, places: Places, owner: str) -> CoreSettings:
    """The configuration as the core wants it; ``owner`` is this instance's id.

    Raises ConfigError if the bundle is not there.
    """
    return CoreSettings(
        owner=owner,
        node=platform.node(),
        engine_url=config.engine.url,
        identity=IdentityPolicy(config.identity.min_uid, config.identity.forbidden_groups),
        policy=config.policy.policy(config.identity.forbidden_groups),
        limits=AdmissionLimits(
            concurrent_starts=config.limits.concurrent_starts,
            max_sessions=config.limits.max_sessions,
        ),
        sessions_per_user=config.limits.sessions_per_user,
        agent=AgentSettings(heartbeat_seconds=config.agent.heartbeat_seconds),
        paths=host_paths(config, places),
        relist_seconds=config.engine.relist_seconds,
        retention=retention_bounds(config),
        orphans=OrphanRules(
            grace_seconds=config.reconcile.orphan_grace_seconds,
            initial_delay_seconds=config.reconcile.initial_delay_seconds,
        ),
    )


def retention_bounds(config: Config) -> RetentionBounds:
    """How much of what is over is kept; for a webhook, twice as long as it tries to deliver."""
    retention, webhook = config.retention, config.relay.webhook
    return RetentionBounds(
        ended_seconds=retention.ended_seconds,
        ended_sessions=retention.ended_sessions,
        outbox_seconds=retention.outbox_seconds,
        outbox_items=retention.outbox_items,
        hold_seconds=None if webhook.url is None else 2 * webhook.give_up_seconds,
    )


def host_paths(config: Config, places: Places) -> HostPaths:
    """What is mounted into containers. Raises ConfigError if the bundle is not there."""
    return HostPaths(
        agent=config.agent.directory or agent_directory(),
        bundle=config.agent.bundle,
        bundle_mounts=bundle_mounts(config.agent.bundle),
        sessions=places.run / "sessions",
        relay=places.run / "relay",
    )


def relay_config(config: Config, run: Path, inherited: Sequence[socket.socket] = ()) -> RelayConfig:
    """Where the relay listens, and who may use the web server's socket.

    Raises ConfigError for an inherited socket at an address that is none of the relay's, and for
    a certificate or token that is none.
    """
    (run / "relay").mkdir(exist_ok=True)
    # Whatever the umask: sessions of all users go through it.
    (run / "relay").chmod(0o755)
    web, viewer, metrics = config.relay.web.tcp, config.relay.viewer, config.relay.metrics
    web_terms, viewer_terms = tcp_terms(config)
    allowed_uids, allowed_gids = allowed_peers(config)
    relay = RelayConfig(
        web_socket=run / "web.sock",
        session_socket=run / "relay" / "session.sock",
        display_socket=run / "relay" / "display.sock",
        viewer_socket=run / "viewer.sock",
        web_tcp=None if web.port is None else (web.host, web.port),
        web_terms=web_terms,
        viewer_terms=viewer_terms,
        viewer_tcp=None if viewer.port is None else (viewer.host, viewer.port),
        metrics_tcp=None if metrics.port is None else (metrics.host, metrics.port),
        openapi=openapi_document(),
        allow_uids=allowed_uids,
        allow_gids=allowed_gids,
        inherited=tuple(inherited),
    )
    _require_known(relay)
    return relay


def _require_known(relay: RelayConfig) -> None:
    """Nobody would answer on any other socket, and those who connect would wait for ever."""
    paths = (relay.session_socket, relay.display_socket, relay.viewer_socket, relay.web_socket)
    known: list[Address] = [str(path) for path in paths]
    known += [address for address in (relay.viewer_tcp, relay.web_tcp) if address is not None]
    for address in map(address_of, relay.inherited):
        if address not in known:
            message = (
                f"systemd hands over a socket at {_shown(address)}, which is not one of the "
                f"daemon's: {', '.join(map(_shown, known))}. Correct ListenStream= in "
                "fx-supervisor.socket, or relay.viewer, relay.web.tcp and the run-time directory."
            )
            raise ConfigError(message)


def _shown(address: Address) -> str:
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def tcp_terms(config: Config) -> tuple[TcpTerms | None, TcpTerms | None]:
    """On which terms connections from the network are taken: the web server's, the viewers'.

    Raises ConfigError for a certificate or token that is none.
    """
    web, viewer = config.relay.web.tcp, config.relay.viewer
    shown = _certificate(viewer.certificate_file, viewer.key_file)
    return _web_terms(web), TcpTerms(certificate=shown)


def _web_terms(web: TcpConfig) -> TcpTerms | None:
    tokens = tuple(WebToken(path.name, read_web_token(path)) for path in web.token_files)
    shown = _certificate(web.certificate_file, web.key_file, web.client_ca_file)
    if shown is None and not is_loopback(web.host):
        # A reload may leave an address in use whose certificate is gone: better nobody than in
        # clear.
        return None
    return TcpTerms(certificate=shown, tokens=tokens)


def _certificate(
    file: Path | None, key: Path | None, client_ca: Path | None = None
) -> Certificate | None:
    if file is None or key is None:
        return None
    context, expires_at = read_certificate(file, key, client_ca)
    return Certificate(context, file, expires_at)


def webhook_config(config: Config) -> WebhookConfig | None:
    """Where events are posted, if anywhere. Raises ConfigError for a secret that is none."""
    webhook = config.relay.webhook
    if webhook.url is None:
        return None
    return WebhookConfig(
        url=webhook.url,
        keys=tuple(read_webhook_secret(path) for path in webhook.secret_files),
        timeout_seconds=webhook.timeout_seconds,
        give_up_seconds=webhook.give_up_seconds,
    )


def allowed_peers(config: Config) -> tuple[frozenset[int], frozenset[int]]:
    """Users and groups who may use the web server's socket. Raises ConfigError."""
    web = config.relay.web
    return (
        uids(web.allow_users, "relay.web.allow_users"),
        gids(web.allow_groups, "relay.web.allow_groups"),
    )
