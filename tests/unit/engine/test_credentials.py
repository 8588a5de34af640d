"""What is found in config.json, what is said when there is nothing, and that nothing leaks."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from supervisor.engine.credentials import config_path, parse_config, registry_login

HUB = "https://index.docker.io/v1/"
SECRET = "correct horse: battery"
AUTH = base64.b64encode(f"alice:{SECRET}".encode()).decode()
BASIC = {"username": "alice", "password": SECRET, "identitytoken": "", "registrytoken": ""}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The daemon's, with a directory of its own for docker's configuration."""
    return {"DOCKER_CONFIG": str(tmp_path)}


def write(environment: Mapping[str, str], document: object) -> Path:
    """Write the file."""
    path = config_path(environment)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_where_the_file_is() -> None:
    """As for the docker command: DOCKER_CONFIG names the directory, else it is in HOME."""
    assert config_path({"DOCKER_CONFIG": "/etc/x", "HOME": "/h"}) == Path("/etc/x/config.json")
    assert config_path({"HOME": "/h"}) == Path("/h/.docker/config.json")
    assert config_path({"DOCKER_CONFIG": "", "HOME": "/h"}) == Path("/h/.docker/config.json")
    assert config_path({}) == Path.home() / ".docker" / "config.json"


@pytest.mark.parametrize(
    ("entry", "sent"),
    [
        ({"auth": AUTH}, BASIC),
        ({"auth": AUTH, "email": "a@b", "more": [1]}, BASIC),
        ({"username": "alice", "password": SECRET}, BASIC),
        ({"auth": AUTH, "username": "bob", "password": "old"}, BASIC),
        ({"auth": base64.b64encode(f"alice:{SECRET}\0\0".encode()).decode()}, BASIC),
        (
            {"identitytoken": SECRET},
            {"username": "", "password": "", "identitytoken": SECRET, "registrytoken": ""},
        ),
        (
            {"registrytoken": SECRET, "auth": None},
            {"username": "", "password": "", "identitytoken": "", "registrytoken": SECRET},
        ),
    ],
)
async def test_credentials_in_the_file(
    environment: dict[str, str], entry: dict[str, Any], sent: dict[str, str]
) -> None:
    """Every form that docker writes or accepts; the server is named as docker names it."""
    path = write(environment, {"auths": {"r.example:5000": entry, HUB: entry}, "psFormat": "x"})
    for reference, server in (("r.example:5000/x:1", "r.example:5000"), ("debian:12", HUB)):
        login = await registry_login(reference, environment)
        assert login.auth == {**sent, "serveraddress": server}
        assert str(path) in login.advice
        assert SECRET not in f"{login!r} {login.advice}"
        assert AUTH not in f"{login!r} {login.advice}"


@pytest.mark.parametrize(
    "document", [{}, "", " \n", {"auths": None}, {"auths": {"r.example": {}}}, {"auths": {}}]
)
async def test_none_for_this_registry(environment: dict[str, str], document: object) -> None:
    """Nothing is sent, and what would add credentials is told."""
    path = write(environment, document)
    login = await registry_login("r.example/x:1", environment)
    assert login.auth is None
    assert f"{path} has none for r.example" in login.advice
    assert f"docker --config {path.parent} login r.example'" in login.advice


async def test_no_file(environment: dict[str, str]) -> None:
    """That is no fault: most images need no credentials."""
    login = await registry_login("debian:12", environment)
    assert login.auth is None
    assert f"there is no {config_path(environment)}" in login.advice
    assert login.advice.endswith("login' as the daemon's user.")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ('{"auths":', "Invalid JSON"),
        ("[]", "object"),
        ({"auths": {"r.example": {"auth": 7}}}, "auths.r.example.auth: "),
        ({"auths": {"r.example": {"password": [SECRET]}}}, "auths.r.example.password: "),
        (f'{{"auths": {{"r.example": {{"auth": "{SECRET}', "Invalid JSON"),
        ({"credsStore": ["x"]}, "credsStore: "),
        ({"auths": {"r.example": {"auth": "!!!" + SECRET}}}, "not base64"),
        ({"auths": {"r.example": {"auth": base64.b64encode(b"nocolon").decode()}}}, "not base64"),
        ({"auths": {"r.example": {"auth": base64.b64encode(b"\xff:x").decode()}}}, "not base64"),
        (" " * (1024 * 1024 + 1), "larger than"),
    ],
)
async def test_a_file_that_cannot_be_used(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    document: object,
    why: str,
) -> None:
    """As for the docker command: a warning, no credentials, and that is why, should they be wanted.

    What stands in the file is not told.
    """
    path = write(environment, document)
    login = await registry_login("r.example/x:1", environment)
    assert login.auth is None
    assert f"{path} cannot be used (" in login.advice
    assert why in login.advice
    logged = capsys.readouterr().out
    assert "docker_config_ignored" in logged
    assert SECRET not in logged + login.advice


async def test_a_file_that_cannot_be_read(environment: dict[str, str]) -> None:
    """A directory in its place, as a container's missing mount leaves it."""
    config_path(environment).mkdir()
    login = await registry_login("r.example/x:1", environment)
    assert login.auth is None
    assert "(Is a directory)" in login.advice


async def test_another_registrys_fault_is_its_own(environment: dict[str, str]) -> None:
    """One entry that cannot be decoded does not lock out the others."""
    write(environment, {"auths": {"bad.example": {"auth": "!"}, "r.example": {"auth": AUTH}}})
    assert (await registry_login("r.example/x:1", environment)).auth is not None
    assert (await registry_login("bad.example/x:1", environment)).auth is None


async def test_rotated_credentials_need_no_restart(environment: dict[str, str]) -> None:
    """The file is read for each pull."""
    write(environment, {"auths": {"r.example": {"username": "alice", "password": "old"}}})
    await registry_login("r.example/x:1", environment)
    write(environment, {"auths": {"r.example": {"username": "alice", "password": "new"}}})
    login = await registry_login("r.example/x:1", environment)
    assert login.auth is not None
    assert login.auth["password"] == "new"


def test_which_helper_is_asked() -> None:
    """The registry's own, else the one for all, else the file."""
    config = parse_config(
        json.dumps(
            {"credsStore": "all", "credHelpers": {"r.example": "own", "file.example": "", HUB: "h"}}
        ).encode()
    )
    assert config.helper_of("r.example") == "own"
    assert config.helper_of("file.example") == ""
    assert config.helper_of("other.example") == "all"
    assert config.helper_of("docker.io") == "h"
    assert parse_config(b"{}").helper_of("r.example") == ""


def test_the_parsed_file_shows_no_secret() -> None:
    """Not in a traceback's or a log's representation either."""
    entry = {"auth": AUTH, "password": SECRET, "identitytoken": SECRET, "registrytoken": SECRET}
    config = parse_config(json.dumps({"auths": {"r.example": entry}}).encode())
    assert SECRET not in repr(config)
    assert AUTH not in repr(config)
