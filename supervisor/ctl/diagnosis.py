"""The command that says what is wrong with an installation."""
# ruff: noqa: PLC0415
# What is slow to import is imported by the command that needs it.

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.ctl.endpoint import socket_path
from supervisor.ctl.errors import EXIT_FAILED
from supervisor.ctl.options import Settings, settings_of
from supervisor.ctl.report import print_json

_COLUMNS = 80

if TYPE_CHECKING:
    from supervisor.ctl.doctor.checks import Check
    from supervisor.ctl.doctor.examination import Question, Result


def doctor(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="Also check what this user needs.")
    ] = None,
    check: Annotated[
        list[str] | None, typer.Option("--check", metavar="NAME", help="Only this; repeatable.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="supervisor.yaml (default: the daemon's)."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the checks' names.")] = False,
) -> None:
    """Find what is wrong with this installation.

    Tells of each fault what to do. Works also when the daemon or the engine is down; as root it
    sees most. Exit code 1 if there is a fault.
    """
    from supervisor.ctl.doctor.checks import CHECKS
    from supervisor.ctl.doctor.examination import Question
    from supervisor.ctl.doctor.finding import Verdict
    from supervisor.ctl.doctor.page import list_lines, page_lines, results_document
    from supervisor.ctl.screen import console, show

    settings = settings_of(context)
    target = console(settings)
    if list_:
        for line in list_lines(CHECKS):
            show(target, line)
        return
    socket = socket_path(settings.socket)
    if not isinstance(socket, Path):
        raise typer.BadParameter(f"it looks at this host, and not at {socket}: --socket is a path.")
    question = Question(
        socket=socket,
        config_file=config,
        user=user,
        checks=_chosen(CHECKS, check or (), user),
    )
    results = _examined(settings, question)
    if settings.json:
        print_json(results_document(results))
    else:
        ascii_only = not (target.encoding or "").lower().startswith("utf")
        for line in page_lines(results, min(target.width, _COLUMNS), ascii_only=ascii_only):
            show(target, line)
    if any(result.finding.verdict is Verdict.FAULT for result in results):
        raise typer.Exit(EXIT_FAILED)


def _chosen(checks: Sequence[Check], names: Sequence[str], user: str | None) -> list[Check]:
    known = {check.name for check in checks}
    if strange := [name for name in names if name not in known]:
        raise typer.BadParameter(f"there is no check {strange[0]!r}: --list shows all.")
    chosen = [check for check in checks if not names or check.name in names]
    if user is None:
        if names and (lonely := [check.name for check in chosen if check.for_user]):
            raise typer.BadParameter(f"{lonely[0]} needs --user.")
        chosen = [check for check in chosen if not check.for_user]
    return chosen


def _examined(settings: Settings, question: Question) -> list[Result]:
    import asyncio

    from rich.text import Text

    from supervisor.ctl.doctor.examination import examine
    from supervisor.ctl.screen import Progress

    # A pipe gets the result alone.
    silent = settings.json or not sys.stderr.isatty()
    with Progress(settings, silent=silent, is_kept=False) as progress:

        def tell(waiting: list[str]) -> None:
            if waiting:
                progress.say(Text(f"checking {', '.join(waiting[:4])}"))

        return asyncio.run(examine(question, tell))
