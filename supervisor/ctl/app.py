"""``fxctl``: the program, its options and the boundary at which every error becomes a sentence."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from supervisor import __version__
from supervisor.ctl import diagnosis, gating, inside, looking, setup, steering, upkeep
from supervisor.ctl.options import Settings, hoisted
from supervisor.ctl.report import complain, complain_of_ourselves
from supervisor.lifecycle.errors import SupervisorError

EPILOG = """\
--socket, --json and --no-color may stand anywhere. ID is a session's id, or so much of its end or
beginning that no other session has it.

\b
Exit codes: 0 done; 1 the session or the operation failed; 2 wrong usage;
3 not found; 4 invalid request; 5 denied; 69 the daemon does not answer
or cannot do it at the moment; 70 internal error; 130 interrupted.
"""

app = typer.Typer(
    name="fxctl",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (
    *(
        steering.start,
        looking.ps,
        looking.top,
        looking.show,
        looking.events,
        inside.log,
        looking.ticket,
    ),
    *(inside.screenshot, inside.execute),
    *(steering.change, steering.suspend, steering.resume, steering.terminate, steering.purge),
    *(gating.node, gating.cordon, gating.drain, gating.undrain),
    *(upkeep.reconcile, diagnosis.doctor),
    *(setup.templates, setup.render, setup.launch, setup.completion),
):
    app.command("exec" if command is inside.execute else None)(command)
# As docker and kubectl call them.
app.command("logs", hidden=True)(inside.log)
app.command("uncordon", hidden=True)(gating.undrain)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fxctl {__version__}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    socket: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The daemon's web socket (default: $FX_SOCKET, else web.sock in its "
            "run-time directory), or https://host:port with the token in $FX_TOKEN_FILE.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours (so does NO_COLOR).")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look at, start and end the sessions of this host's fx-supervisor."""
    del version
    color = not no_color and not os.environ.get("NO_COLOR")
    context.obj = Settings(socket=socket, json=json, color=color)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. No traceback, whatever happens."""
    words = hoisted(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that this terminal's encoding does not have is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(words, prog_name="fxctl")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except SupervisorError as error:
        return complain(error, as_json="--json" in words)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 the boundary to the user
        return complain_of_ourselves(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
