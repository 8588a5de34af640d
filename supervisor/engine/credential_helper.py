"""Credential helpers: programs ``docker-credential-NAME`` that keep what registries want to know.

``get`` reads a server's name and prints ``{"Username": ..., "Secret": ...}``
(docker/docker-credential-helpers). Whatever else a helper prints may hold a secret, or be cut off
from one: it goes nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from supervisor.errors import ImagePullError

HELPER_SECONDS = 30.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_HAS_NONE = "credentials not found in native keychain"
_TOKEN = "<token>"  # noqa: S105 this in the name's place says that the secret is a token


class Answer(BaseModel):
    """What a helper prints."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    username: str = Field(alias="Username")
    secret: str = Field(alias="Secret", repr=False)


def program_of(name: str) -> str:
    """What a helper's program is called."""
    return f"docker-credential-{name}"


def read_answer(output: bytes, server: str) -> dict[str, str]:
    """What the engine is sent, from what a helper printed. Raises ValueError."""
    try:
        answer = Answer.model_validate_json(output)
    except ValidationError:
        message = "printed no credentials"
        raise ValueError(message) from None
    if answer.username == _TOKEN:
        return {"identitytoken": answer.secret, "serveraddress": server}
    named = {"username": answer.username, "password": answer.secret}
    return {**named, "identitytoken": "", "serveraddress": server}


async def ask_helper(name: str, server: str, config: Path) -> dict[str, str] | None:
    """The server's credentials; ``None`` if the helper has none. Raises ImagePullError."""
    program = program_of(name)
    try:
        return await _get(name, server)
    except FileNotFoundError:
        why = "is not on the daemon's PATH"
    except TimeoutError:
        why = f"did not answer within {HELPER_SECONDS:g} s"
    except OSError as error:
        why = f"cannot be run ({error.strerror})"
    except ValueError as error:
        why = str(error)
    message = (
        f"The credentials for {server} cannot be had: {program}, which {config} names, {why}. As "
        f"the daemon's user, try 'echo {server} | {program} get', or take it out of the file."
    )
    raise ImagePullError(message)


async def _get(name: str, server: str) -> dict[str, str] | None:
    """Raises OSError, TimeoutError, ValueError."""
    if not _NAME.fullmatch(name):
        message = "is no name of a program"
        raise ValueError(message)
    status, output = await _run(program_of(name), server)
    if status == 0:
        return read_answer(output, server)
    if output.decode(errors="replace").strip() == _HAS_NONE:
        return None
    message = f"failed with exit code {status}"
    raise ValueError(message)


async def _run(program: str, server: str) -> tuple[int, bytes]:
    """Exit code and standard output. Raises OSError, TimeoutError."""
    with _said(server) as stdin:
        process = await asyncio.create_subprocess_exec(
            program, "get", stdin=stdin, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    try:
        async with asyncio.timeout(HELPER_SECONDS):
            output, _ = await process.communicate()
    except (TimeoutError, asyncio.CancelledError):
        # With whatever it has started itself, which may hold its output open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode or 0, output


@contextlib.contextmanager
def _said(server: str) -> Iterator[int]:
    """A pipe that has been written to: asyncio's own complains of programs that do not read."""
    reading, writing = os.pipe()
    try:
        os.write(writing, server.encode())
        os.close(writing)
        yield reading
    finally:
        os.close(reading)
