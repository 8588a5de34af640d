"""Registry credentials as the docker command keeps them: ``config.json`` and credential helpers.

The file is that of the daemon's user: ``$DOCKER_CONFIG/config.json``, else
``~/.docker/config.json``, read anew for each pull, so that rotated credentials need no restart. As
with the docker command, a file that cannot be used is a warning and the registry is asked without
credentials; only if it then refuses, that is why. What is what in it: docker/cli,
``cli/config/configfile``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from supervisor.engine.credential_helper import ask_helper, program_of
from supervisor.engine.registry_names import DOCKER_HUB, entry_of, registry_of, server_of

log = structlog.get_logger(__name__)

_CONFIG_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    """With what a registry is asked, and what to do if it says no."""

    auth: Mapping[str, str] | None = field(default=None, repr=False)
    """What X-Registry-Auth holds; ``None``: nothing is known that could be sent."""
    advice: str


class _Secrets(BaseModel):
    """Reads what is known, passes over the rest; never shows a value, not in an error either."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, document: object) -> object:
        """As Go reads it: null is as good as nothing."""
        if not isinstance(document, dict):
            return document
        return {key: value for key, value in document.items() if value is not None}


class Credentials(_Secrets):
    """One registry's, under ``auths``."""

    auth: str = Field("", repr=False)
    username: str = ""
    password: str = Field("", repr=False)
    identitytoken: str = Field("", repr=False)
    registrytoken: str = Field("", repr=False)

    def header(self, server: str) -> dict[str, str] | None:
        """What the engine is sent; ``None`` if nothing is in it. Raises ValueError."""
        username, password = self.username, self.password
        if self.auth:
            username, password = _decoded(self.auth)
        given = {
            "username": username,
            "password": password,
            "identitytoken": self.identitytoken,
            "registrytoken": self.registrytoken,
        }
        return {**given, "serveraddress": server} if any(given.values()) else None


class DockerConfig(_Secrets):
    """What ``config.json`` holds of registries."""

    auths: dict[str, Credentials] = Field(default_factory=dict)
    default_helper: str = Field("", alias="credsStore")
    helpers: dict[str, str] = Field(default_factory=dict, alias="credHelpers")

    def helper_of(self, registry: str) -> str:
        """Who keeps the registry's credentials (``docker-credential-NAME``); empty: the file."""
        named = entry_of(self.helpers, registry)
        return self.default_helper if named is None else named

    def header_of(self, registry: str) -> dict[str, str] | None:
        """The registry's credentials from the file. Raises ValueError."""
        found = entry_of(self.auths, registry)
        return None if found is None else found.header(server_of(registry))


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the daemon's user has the file."""
    if directory := environment.get("DOCKER_CONFIG"):
        return Path(directory) / "config.json"
    return Path(environment.get("HOME") or Path.home()) / ".docker" / "config.json"


def parse_config(text: bytes) -> DockerConfig:
    """Read the file's content. Raises ValueError, which says where the fault is and not what."""
    if not text.strip():
        return DockerConfig()
    try:
        return DockerConfig.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        message = f"{where}: {fault['msg']}" if where else fault["msg"]
    raise ValueError(message)


async def registry_login(
    reference: str, environment: Mapping[str, str] = os.environ
) -> RegistryLogin:
    """The credentials for an image's registry, if there are any.

    Raises ImagePullError if a credential helper is named and does not answer as it should.
    """
    registry, path = registry_of(reference), config_path(environment)
    login = _login_command(registry, path)
    try:
        config = parse_config(await asyncio.to_thread(_read, path))
        helper = config.helper_of(registry)
        auth = None if helper else config.header_of(registry)
    except FileNotFoundError:
        return RegistryLogin(advice=f"No credentials were sent, for there is no {path}; {login}.")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        log.warning("docker_config_ignored", path=str(path), registry=registry, error=why)
        advice = (
            f"No credentials were sent, for {path} cannot be used ({why}); mend it, or {login}."
        )
        return RegistryLogin(advice=advice)
    source = str(path)
    if helper:
        source = f"{program_of(helper)}, which {path} names"
        auth = await ask_helper(helper, server_of(registry), path)
    if auth is None:
        advice = f"No credentials were sent, for {source} has none for {registry}; {login}."
        return RegistryLogin(advice=advice)
    advice = f"The credentials for {registry} are those of {source}; to renew them, {login}."
    return RegistryLogin(auth=auth, advice=advice)


def _login_command(registry: str, path: Path) -> str:
    """What adds credentials to the file, or to the helper that it names."""
    command = f"docker --config {path.parent} login"
    if registry != DOCKER_HUB:
        command += f" {registry}"
    return f"run '{command}' as the daemon's user"


def _decoded(auth: str) -> tuple[str, str]:
    try:
        username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = username = password = ""
    if not colon or not username:
        message = "auth is not base64 of USER:PASSWORD"
        raise ValueError(message)
    return username, password.strip("\0")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(_CONFIG_BYTES + 1)
    if len(text) > _CONFIG_BYTES:
        message = f"larger than {_CONFIG_BYTES} bytes"
        raise ValueError(message)
    return text
