"""Commands about templates, and those that other programs call."""
# ruff: noqa: PLC0415, PLR0913, PLR0917
# What is slow to import is imported by the command that needs it; arguments are command options.

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from supervisor.ctl import options
from supervisor.ctl.errors import EXIT_INTERNAL, exit_code_of
from supervisor.ctl.options import call, settings_of
from supervisor.ctl.report import print_json, say
from supervisor.lifecycle.errors import SupervisorError


class Shell(StrEnum):
    """Shells that can be told how to complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def templates(context: typer.Context, name: options.OptionalTemplate = None) -> None:
    """List what can be started, or one template's params.

    A faulty template is not in the list; its name, or fx-supervisor check, says why.
    """
    from supervisor.ctl.screen import console, show
    from supervisor.ctl.tables import template_lines, template_table

    settings = settings_of(context)
    target = console(settings)
    if name is not None:
        template = call(settings, lambda client: client.template(name))
        if settings.json:
            print_json(template.document)
            return
        lines = template_lines(template, target.width)
    else:
        found = call(settings, lambda client: client.templates())
        if settings.json:
            print_json({"templates": [dict(template.document) for template in found]})
            return
        lines = template_table(found, target.width)
    for line in lines:
        show(target, line)


def render(
    context: typer.Context,
    user: options.ForUser = None,
    template: options.TemplateName = "docker",
    command: options.Command = None,
    geometry: options.Geometry = None,
    name: options.Name = None,
    dpi: options.Dpi = None,
    param: options.Params = None,
    extra: options.Extra = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="supervisor.yaml (default: the daemon's)."),
    ] = None,
) -> None:
    """Print what a start would send to the engine.

    Worked out here: needs neither daemon nor engine. Values of secret variables are masked.
    """
    from supervisor.ctl.local_render import render_locally
    from supervisor.ctl.wishes import invoking_user
    from supervisor.lifecycle.session import StartRequest

    request = StartRequest(
        user=user or invoking_user(),
        template=template,
        command=command,
        geometry=geometry,
        name=name,
        dpi=dpi,
        extra=options.pairs_of("--extra", extra),
    )
    rendering = render_locally(request, options.pairs_of("--param", param), config)
    for note in rendering.notes:
        say(f"fxctl: note: {note}")
    settings = settings_of(context)
    if sys.stdout.isatty() and not settings.json:
        from rich.json import JSON

        from supervisor.ctl.screen import console

        console(settings).print(JSON.from_data(rendering.body, ensure_ascii=True), soft_wrap=True)
    else:
        print_json(rendering.body)


def launch(
    context: typer.Context,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the start object from stdin.")
    ] = False,
) -> None:
    """Be FastX's LAUNCHER_SCRIPT: JSON in, JSON out.

    Reads a start object; prints one object with the result, or with the error's name and message.
    """
    if not stdin:
        raise typer.BadParameter("the start object comes on stdin: say --stdin.")
    from supervisor.ctl import launch as launching

    settings = settings_of(context)
    try:
        wish = launching.read_start_object(sys.stdin.buffer)
        session = call(settings, lambda client: launching.launch(client, wish))
    except SupervisorError as error:
        print_json(launching.error_object(error), indent=None)
        raise typer.Exit(exit_code_of(error)) from None
    except Exception as error:  # noqa: BLE001 whoever called reads JSON, also of our own faults
        described = {"name": "internal", "message": f"{type(error).__name__}: {error}"}
        print_json({"error": described}, indent=None)
        raise typer.Exit(EXIT_INTERNAL) from None
    print_json(launching.result_object(session), indent=None)


def completion(
    shell: Annotated[Shell, typer.Argument(help="Which shell.")] = Shell.BASH,
) -> None:
    """Print a completion script for the shell.

    In ~/.bashrc: eval "$(fxctl completion bash)"
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # not in __all__

    complete_var = "_FXCTL_COMPLETE"
    typer.echo(
        get_completion_script(prog_name="fxctl", complete_var=complete_var, shell=shell.value)
    )
