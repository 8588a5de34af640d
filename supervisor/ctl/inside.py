"""Commands that reach into a session: its programs, what they print, what they show."""
# ruff: noqa: PLC0415
# What is slow to import is imported by the command that needs it.

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.options import call, settings_of
from supervisor.ctl.report import print_json


def execute(
    context: typer.Context,
    session_id: options.SessionId,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to start.")],
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Print its output; exit with its exit code.")
    ] = False,
    timeout: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long to wait (at most 3600).")
    ] = 60,
) -> None:
    """Start another program in a running session.

    One word is a line for /bin/sh; several are a program and its arguments, as they stand.
    """
    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve
    from supervisor.ctl.text import plain_lines
    from supervisor.ctl.views import Json

    async def run(client: Client) -> Json:
        found = await resolve(client, session_id)
        program = command[0] if len(command) == 1 else command
        return await client.execute(found, program, timeout if wait else None)

    settings = settings_of(context)
    answer = call(settings, run)
    if settings.json:
        print_json(answer)
    if not wait:
        return
    output, exit_code = str(answer.get("output", "")), answer.get("exit_code")
    if not settings.json:
        sys.stdout.write(plain_lines(output) if sys.stdout.isatty() else output)
    raise typer.Exit(exit_code if isinstance(exit_code, int) else 1)


def log(
    context: typer.Context,
    session_id: options.SessionId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="And what comes, until the session ends.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option(metavar="LINES", min=0, help="Only the last lines.")
    ] = None,
) -> None:
    """Print what a session has printed."""
    import codecs
    from contextlib import aclosing

    from supervisor.ctl.client import Client
    from supervisor.ctl.ids import resolve
    from supervisor.ctl.text import plain_lines

    settings = settings_of(context)

    def write(found: str, text: str) -> None:
        if settings.json:
            print_json({"id": found, "log": text}, indent=None if follow else 2)
        else:
            # A pipe gets the log as it is; a terminal is not to be steered by a session.
            sys.stdout.write(plain_lines(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    async def read(client: Client) -> None:
        found = await resolve(client, session_id)
        if not follow:
            write(found, await client.log(found, tail))
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async with aclosing(client.log_pieces(found, tail, follow=True)) as pieces:
            async for piece in pieces:
                if text := decoder.decode(piece):
                    write(found, text)

    call(settings, read)


def screenshot(
    context: typer.Context,
    session_id: options.SessionId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is stdout.")],
    max_width: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Scale a wider display down.")
    ] = None,
) -> None:
    """Write what a running session's display shows, as PNG."""
    from supervisor.ctl.client import Client
    from supervisor.ctl.errors import FileNotWrittenError
    from supervisor.ctl.ids import resolve

    piped = str(file) == "-"
    if piped and sys.stdout.isatty():
        raise typer.BadParameter("A picture is nothing for a terminal; name a file.")

    async def fetch(client: Client) -> tuple[str, bytes]:
        found = await resolve(client, session_id)
        return found, await client.screenshot(found, max_width)

    settings = settings_of(context)
    found, png = call(settings, fetch)
    if piped:
        sys.stdout.buffer.write(png)
        return
    try:
        file.write_bytes(png)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileNotWrittenError(f"{file} cannot be written: {reason}.") from error
    if settings.json:
        print_json({"id": found, "file": str(file)})
