"""Credential helpers: real programs, well-behaved and not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from supervisor.engine import credential_helper
from supervisor.engine.credential_helper import ask_helper
from supervisor.engine.credentials import registry_login
from supervisor.errors import ImagePullError

SECRET = "correct-horse-battery"
SERVER = "r.example:5000"


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The daemon's PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory


def write_helper(directory: Path, script: str, mode: int = 0o755) -> None:
    """A helper ``test`` that is this shell script."""
    program = directory / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(mode)


def write_config(directory: Path) -> Path:
    """A file that names it."""
    path = directory / "config.json"
    path.write_text(json.dumps({"credHelpers": {SERVER: "test"}}))
    return path


async def test_a_helper_is_asked(bin_directory: Path, tmp_path: Path) -> None:
    """It is called with ``get`` and reads the server's name; what it prints is sent."""
    write_helper(
        bin_directory,
        f'read server; printf \'{{"ServerURL": "%s", "Username": "%s", "Secret": "{SECRET}"}}\' '
        '"$server" "$1-$server"',
    )
    path = write_config(tmp_path)
    login = await registry_login(f"{SERVER}/x:1", {"DOCKER_CONFIG": str(tmp_path)})
    assert login.auth == {
        "username": f"get-{SERVER}",
        "password": SECRET,
        "identitytoken": "",
        "serveraddress": SERVER,
    }
    assert f"docker-credential-test, which {path} names" in login.advice
    assert SECRET not in f"{login!r} {login.advice}"


async def test_a_helper_that_keeps_a_token(bin_directory: Path, tmp_path: Path) -> None:
    """Its name is ``<token>`` then, and no user's."""
    write_helper(bin_directory, f'echo \'{{"Username": "<token>", "Secret": "{SECRET}"}}\'')
    auth = await ask_helper("test", SERVER, tmp_path)
    assert auth == {"identitytoken": SECRET, "serveraddress": SERVER}


async def test_a_helper_that_has_none(bin_directory: Path, tmp_path: Path) -> None:
    """That is an answer, given with an exit code of its own."""
    write_helper(bin_directory, "echo 'credentials not found in native keychain'; exit 1")
    assert await ask_helper("test", SERVER, tmp_path) is None
    write_config(tmp_path)
    login = await registry_login(f"{SERVER}/x:1", {"DOCKER_CONFIG": str(tmp_path)})
    assert "docker-credential-test" in login.advice
    assert f"has none for {SERVER}" in login.advice


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "failed with exit code 3"),
        (f"echo {SECRET}", "printed no credentials"),
        (f'echo \'{{"Username": 7, "Secret": "{SECRET}"}}\'', "printed no credentials"),
        (f'echo \'{{"Secret": "{SECRET}\'', "printed no credentials"),
        ("true", "printed no credentials"),
        ("kill -9 $$", "failed with exit code -9"),
    ],
)
async def test_a_helper_that_fails(
    bin_directory: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    script: str,
    why: str,
) -> None:
    """It is named, with the file that names it; what it printed goes nowhere."""
    write_helper(bin_directory, script)
    with pytest.raises(ImagePullError) as error:
        await ask_helper("test", SERVER, tmp_path / "config.json")
    message = str(error.value)
    assert f"docker-credential-test, which {tmp_path}/config.json names, {why}" in message
    assert SERVER in message
    assert error.value.__cause__ is error.value.__context__ is None
    assert SECRET not in message + "".join(capfd.readouterr())


async def test_a_helper_that_is_not_there(bin_directory: Path, tmp_path: Path) -> None:
    """Nor one that may not be executed, nor one whose name leads elsewhere."""
    with pytest.raises(
        ImagePullError, match=r"docker-credential-test.* is not on the daemon's PATH"
    ):
        await ask_helper("test", SERVER, tmp_path)
    (bin_directory / "docker-credential-broken").write_text("no script")
    (bin_directory / "docker-credential-broken").chmod(0o755)
    with pytest.raises(ImagePullError, match="cannot be run"):
        await ask_helper("broken", SERVER, tmp_path)
    with pytest.raises(ImagePullError, match="is no name of a program"):
        await ask_helper("../../bin/true", SERVER, tmp_path)


async def test_a_helper_that_does_not_answer(
    bin_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended at its deadline, with what it started."""
    monkeypatch.setattr(credential_helper, "HELPER_SECONDS", 0.2)
    write_helper(bin_directory, f"sleep 1000 & echo $! > {tmp_path}/pid; wait")
    with pytest.raises(ImagePullError, match=r"did not answer within 0\.2 s"):
        await ask_helper("test", SERVER, tmp_path)
    await gone(tmp_path / "pid")


async def test_a_pull_that_is_broken_off_meanwhile(bin_directory: Path, tmp_path: Path) -> None:
    """The helper goes with it."""
    pipe = tmp_path / "pid"
    write_helper(bin_directory, f"sleep 1000 & echo $! > {pipe}.new; mv {pipe}.new {pipe}; wait")
    asking = asyncio.create_task(ask_helper("test", SERVER, tmp_path))
    async with asyncio.timeout(20):
        while not pipe.exists():
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await gone(pipe)


async def gone(pid_file: Path) -> None:
    """Wait until the process has ended (a zombie has), if it was there already."""
    if not pid_file.exists():
        return
    status = Path(f"/proc/{pid_file.read_text().strip()}/status")
    async with asyncio.timeout(20):
        while status.exists() and "State:\tZ" not in status.read_text():
            await asyncio.sleep(0.01)
