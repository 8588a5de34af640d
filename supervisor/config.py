"""``supervisor.yaml``: every key, its default and its meaning.

Looked up as ``--config``, else ``$FX_CONFIG_DIR/supervisor.yaml`` (default ``/etc/fastx``); without
a file the defaults hold. Unknown keys are errors, with file and line.
"""

from __future__ import annotations

import os
import re
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from supervisor.addresses import collide, is_loopback
from supervisor.errors import ConfigError
from supervisor.host.identity import IdentityPolicy
from supervisor.phrasing import did_you_mean, keys_beside, phrase, yaml_problem
from supervisor.places import config_directory
from supervisor.policy.settings import PolicySettings

Seconds = Annotated[float, Field(gt=0)]

AT_START = Field(json_schema_extra={"x-needs-restart": True})
"""Marks a key that is read when the daemon starts; all others hold from the next reload on."""

_ADDRESS = re.compile(r"https?://[!-~]+")
_ENGINE_ADDRESS = re.compile(r"unix:///[^/].*|(tcp|https?)://[!-~]+")


class Section(BaseModel):
    """Base of all sections: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineConfig(Section):
    """Which engine, and how long to wait for it."""

    host: Annotated[str, AT_START] = ""
    """``unix:///path`` or ``tcp://host:port``; empty: ``DOCKER_HOST``, else Docker's own socket."""
    request_timeout_seconds: Annotated[Seconds, AT_START] = 120.0
    """How long one call of the engine may take before it counts as unreachable."""
    relist_seconds: Seconds = 60.0
    """How often to list all containers, in case an event was lost."""

    @field_validator("host")
    @classmethod
    def _is_address(cls, host: str) -> str:
        if host and not _ENGINE_ADDRESS.fullmatch(host):
            raise ValueError("it has to be unix:///path or tcp://host:port")
        return host

    @property
    def url(self) -> str:
        """Where the engine listens. Raises ConfigError for a DOCKER_HOST that is no address."""
        if self.host:
            return self.host
        url = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        if not _ENGINE_ADDRESS.fullmatch(url):
            raise ConfigError(
                f"DOCKER_HOST is {url!r}, and has to be unix:///path or tcp://host:port: correct "
                "it in the daemon's environment (fastx.env), or set engine.host."
            )
        return url


class AgentConfig(Section):
    """What is mounted into every container."""

    directory: Path | None = None
    """The agent; ``null``: the one this package brings."""
    bundle: Path = Path("/usr/lib/fastx-supervisor/bundle")
    """The X server bundle that ``build-bundle`` made on this host."""
    heartbeat_seconds: Seconds = 15.0
    """How often agents report what their session uses; holds for sessions that start after it."""


class IdentityConfig(Section):
    """Which users may have sessions."""

    min_uid: Annotated[int, Field(ge=1)] = 1000
    """Users with a smaller uid have no sessions: they are the system's."""
    forbidden_groups: frozenset[str] = IdentityPolicy().forbidden_groups
    """Groups that give their members the host: they enter no container."""


class LimitsConfig(Section):
    """How much at once."""

    concurrent_starts: Annotated[int, Field(ge=1)] = 16
    """Sessions that start at once; the others wait in line."""
    max_sessions: Annotated[int, Field(ge=1)] | None = None
    """Sessions with a container on this host; ``null``: no limit. The others wait in line."""
    sessions_per_user: Annotated[int, Field(ge=1)] | None = None
    """Sessions of one user that have not ended; ``null``: no limit."""


def _require_pair(certificate: Path | None, key: Path | None) -> None:
    if (certificate is None) != (key is None):
        missing = "key_file" if key is None else "certificate_file"
        raise ValueError(f"{missing} is missing: certificate and key go together")


class TcpConfig(Section):
    """The same over TCP when ``port`` is set, for web servers on other hosts: by a token."""

    host: Annotated[str, AT_START] = "127.0.0.1"
    """The address to listen on; one that is not this host's own alone needs a certificate."""
    port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, AT_START] = None
    """``null``: no TCP; 0: any port that is free."""
    certificate_file: Path | None = None
    """PEM, with the chain to the authority after it; ``null``: in clear. Read anew at a reload."""
    key_file: Path | None = None
    """The certificate's key: PEM, without a password, for the daemon alone to read."""
    client_ca_file: Path | None = None
    """Authorities, one of whom has to have certified the web server as well; ``null``: none."""
    token_files: Annotated[tuple[Path, ...], Field(max_length=2)] = ()
    """Each holds one token; two while the web server changes from one to the other."""

    @model_validator(mode="after")
    def _is_guarded(self) -> TcpConfig:
        _require_pair(self.certificate_file, self.key_file)
        if self.client_ca_file is not None and self.certificate_file is None:
            raise ValueError("client_ca_file is of use with certificate_file alone")
        if self.port is None:
            return self
        if not self.token_files:
            raise ValueError("token_files is missing: whoever connects has to show a token")
        if self.certificate_file is None and not is_loopback(self.host):
            raise ValueError(
                "certificate_file and key_file are missing: on an address of the network, others "
                "could read tokens and displays. Without TLS the host has to be 127.0.0.1 or ::1"
            )
        return self


class WebConfig(Section):
    """The web server's socket: who may speak to it, besides root and the daemon's own user."""

    allow_users: tuple[str, ...] = ()
    """Names of users: the one that the web server runs as."""
    allow_groups: tuple[str, ...] = ()
    """Names of groups whose members may."""
    tcp: TcpConfig = TcpConfig()


class ViewerConfig(Section):
    """The viewers' endpoint: its Unix socket always, TCP when ``port`` is set."""

    host: Annotated[str, AT_START] = "127.0.0.1"
    """The address to listen on, if ``port`` is set."""
    port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, AT_START] = None
    """``null``: no TCP; 0: any port that is free."""
    certificate_file: Path | None = None
    """PEM, with the chain to the authority after it; ``null``: in clear. Read anew at a reload."""
    key_file: Path | None = None
    """The certificate's key: PEM, without a password, for the daemon alone to read."""

    @model_validator(mode="after")
    def _is_complete(self) -> ViewerConfig:
        _require_pair(self.certificate_file, self.key_file)
        return self

    @property
    def in_clear(self) -> bool:
        """Whether others on the way can read displays and tickets."""
        return (
            self.port is not None and self.certificate_file is None and not is_loopback(self.host)
        )


class MetricsConfig(Section):
    """A TCP address for Prometheus, when ``port`` is set: /metrics, /healthz and /readyz alone."""

    host: Annotated[str, AT_START] = "127.0.0.1"
    """Where it listens; whoever reaches it can read the metrics, so keep it to this host."""
    port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, AT_START] = None
    """``null``: no such listener."""


class WebhookConfig(Section):
    """Where every change is posted, if anywhere; see docs/webhook.md."""

    url: str | None = None
    """``https://host[:port]/path``; ``null``: nothing is posted."""
    secret_files: Annotated[tuple[Path, ...], Field(max_length=2)] = ()
    """Each holds one ``whsec_...``; two while the web server changes from one to the other."""
    timeout_seconds: Seconds = 15.0
    """For one attempt, from connecting to the answer."""
    give_up_seconds: Seconds = 259_200.0
    """How old an event gets that cannot be delivered before it is passed over."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not _ADDRESS.fullmatch(url) or not _has_host(url):
            raise ValueError("it has to be https://host[:port]/path (or http://)")
        if "@" in urlsplit(url).netloc:
            raise ValueError("name and password do not belong into it: requests are signed")
        return url

    @model_validator(mode="after")
    def _is_signed(self) -> WebhookConfig:
        if self.url is not None and not self.secret_files:
            raise ValueError("secret_files is missing: requests have to be signed")
        return self

    @property
    def in_clear(self) -> bool:
        """Whether others on the way can read what is posted."""
        return in_clear(self.url or "")


def in_clear(url: str) -> bool:
    """Whether others on the way can read what is posted to it."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class RelayConfig(Section):
    """Sockets and their limits."""

    web: WebConfig = WebConfig()
    viewer: ViewerConfig = ViewerConfig()
    webhook: WebhookConfig = WebhookConfig()
    metrics: MetricsConfig = MetricsConfig()

    @model_validator(mode="after")
    def _listens_once(self) -> RelayConfig:
        sections: tuple[tuple[str, TcpConfig | ViewerConfig | MetricsConfig], ...] = (
            ("web.tcp", self.web.tcp),
            ("viewer", self.viewer),
            ("metrics", self.metrics),
        )
        listeners = [
            (name, (each.host, each.port)) for name, each in sections if each.port is not None
        ]
        for (name, address), (other, another) in combinations(listeners, 2):
            if collide(address, another):
                message = f"{name} and {other} both listen on port {address[1]}: change one of them"
                raise ValueError(message)
        return self


class RetentionConfig(Section):
    """How long what is over is remembered."""

    ended_seconds: Seconds = 86_400.0
    """How long an ended session can still be asked about."""
    ended_sessions: Annotated[int, Field(ge=0)] = 10_000
    """As many ended sessions are remembered, the newest."""
    outbox_seconds: Seconds = 604_800.0
    """How long an event can still be come back to, if there are not too many."""
    outbox_items: Annotated[int, Field(ge=100)] = 10_000
    """Events that readers of the stream can come back to; ten times as many wait for a webhook."""


class ReconcileConfig(Section):
    """When a container that no session stands for is removed."""

    orphan_grace_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How old it must be: no creation can be under way any more."""
    initial_delay_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long after its start the daemon removes none."""


class AuditConfig(Section):
    """Where it is recorded who did what; see docs/audit.md."""

    path: Annotated[Path | None, AT_START] = None
    """A file of lines of JSON; ``null``: the daemon's log, as lines of ``"stream": "audit"``."""

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_absolute():
            raise ValueError("it has to be an absolute path")
        return path


class LogConfig(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is less grave is left out."""
    format: Literal["auto", "json", "console"] = "auto"
    """``auto``: coloured text on a terminal, else one JSON object per line."""


class Config(Section):
    """The whole file."""

    engine: EngineConfig = EngineConfig()
    agent: AgentConfig = AgentConfig()
    identity: IdentityConfig = IdentityConfig()
    limits: LimitsConfig = LimitsConfig()
    policy: PolicySettings = PolicySettings()
    relay: RelayConfig = RelayConfig()
    retention: RetentionConfig = RetentionConfig()
    reconcile: ReconcileConfig = ReconcileConfig()
    log: LogConfig = LogConfig()
    audit: AuditConfig = AuditConfig()


def load_config(path: Path | None = None) -> Config:
    """Read the configuration. Raises ConfigError with one ``file:line:column`` fault per line."""
    source = path or config_directory() / "supervisor.yaml"
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return Config()
        message = f"{source}: there is no such file."
        raise ConfigError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{source}: cannot be read: {error}"
        raise ConfigError(message) from error
    return _validated(source, _parsed(source, text))


def _parsed(source: Path, text: str) -> Any:  # noqa: ANN401 whatever the file holds
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"{source}:{line}:{column}: {yaml_problem(str(error.problem))}"
        raise ConfigError(message) from error
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"{source}:1:1: {error}"
        raise ConfigError(message) from error
    return {} if document is None else document


def _validated(source: Path, document: Any) -> Config:  # noqa: ANN401 whatever the file holds
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        faults = sorted((*_position(document, each["loc"]), _told(each)) for each in error.errors())
        told = (f"{source}:{line}:{column}: {text}" for line, column, text in faults)
        raise ConfigError("\n".join(told)) from error


def _told(fault: ErrorDetails) -> str:
    loc = fault["loc"]
    meant = ""
    if fault["type"] == "extra_forbidden":
        meant = did_you_mean(str(loc[-1]), keys_beside(Config, loc))
    return f"{'.'.join(map(str, loc)) or 'the file'}: {phrase(fault)}{meant}"


def _position(document: Any, loc: tuple[str | int, ...]) -> tuple[int, int]:  # noqa: ANN401
    """Line and column (from 1) of the deepest part of ``loc`` that the file holds."""
    line, column = 1, 1
    for key in loc:
        if isinstance(document, CommentedMap) and key in document:
            # What a merge key (<<) brings in has no place of its own here.
            place = (document.lc.data or {}).get(key, (line - 1, column - 1))
            line, column = place[0] + 1, place[1] + 1
        elif isinstance(document, CommentedSeq) and isinstance(key, int) and key < len(document):
            line, column = (n + 1 for n in document.lc.item(key))
        else:
            break
        document = document[key]
    return line, column
