"""Commands that put in order what is there and should not be."""
# ruff: noqa: PLC0415
# What is slow to import is imported by the command that needs it.

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.ctl.options import call, settings_of
from supervisor.ctl.report import print_json


def reconcile(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")
    ] = False,
) -> None:
    """Remove what no session stands for.

    Containers of no session and files of sessions that are over; and tell sessions that differ
    from their containers. The daemon does so by itself, every minute.
    """
    from datetime import UTC, datetime

    from supervisor.ctl.findings import finding_lines
    from supervisor.ctl.screen import console, show

    settings = settings_of(context)
    found = call(settings, lambda client: client.reconcile(dry_run=dry_run))
    if settings.json:
        print_json(found)
        return
    target = console(settings)
    for line in finding_lines(found, datetime.now(UTC), target.width):
        show(target, line)
