"""The portal of this tree in front of a daemon of its own; ``scripts/portal-dev`` calls it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo_lib.daemon import Daemon, Settings, running_daemon
from scripts.demo_lib.errors import DemoError
from scripts.demo_lib.leftovers import remove_containers
from scripts.demo_lib.web import WebClient
from tests.support.portal import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
READY_SECONDS = 20.0
STOP_SECONDS = 10.0


def main() -> int:
    """Run until Ctrl-C; returns the exit code."""
    options = _options()
    options.port = options.port or free_port()  # its links have to know
    try:
        asyncio.run(_portal(options))
    except DemoError as error:
        print(f"\nportal-dev FAILED: {error}")
        return 1
    return 0


async def _portal(options: argparse.Namespace) -> None:
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    settings = Settings(
        venv=options.venv,
        bundle=options.bundle,
        parent=options.parent,
        daemon_user=options.daemon_user,
        web_users=(),
    )
    async with running_daemon(settings) as daemon, WebClient(daemon.socket) as web:
        await web.wait_ready(daemon)
        try:
            async with _running(options, daemon) as portal:
                print(f"\n{await _link(options, daemon)}\n\nanother: {_command(options, daemon)}")
                print(f"supervisor: {daemon.socket}\nCtrl-C ends it.\n", flush=True)
                ended = asyncio.create_task(portal.wait())
                waiting = asyncio.create_task(interrupted.wait())
                await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                ended.cancel()
        finally:
            await _end_sessions(web)


@asynccontextmanager
async def _running(
    options: argparse.Namespace, daemon: Daemon
) -> AsyncIterator[asyncio.subprocess.Process]:
    configuration = {
        "listen": {"port": options.port},
        "upstream": {"socket": str(daemon.socket)},
        "administrators": {"users": [options.user] if options.administrator else []},
        "shares": {"anyone": True},
        "sign_in": {"pam": {"service": "login"}, "link": {"valid_seconds": 86_400}},
    }
    (daemon.directory / "portal").mkdir(mode=0o700)
    # JSON is YAML.
    (daemon.directory / "config" / "portal.yaml").write_text(json.dumps(configuration, indent=2))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portal", "run"),
        cwd=ROOT,
        env=_environment(daemon),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()


async def _link(options: argparse.Namespace, daemon: Daemon) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portal", "link", "--no-confirm", "--user", options.user),
        cwd=ROOT,
        env=_environment(daemon),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoError("there is no link: see above.")
    return output.decode().strip()


def _environment(daemon: Daemon) -> dict[str, str]:
    places = {
        "FX_CONFIG_DIR": str(daemon.directory / "config"),
        "FX_PORTAL_DIR": str(daemon.directory / "portal"),
    }
    return {**os.environ, **places}


def _command(options: argparse.Namespace, daemon: Daemon) -> str:
    """For another link, to be pasted."""
    places = " ".join(
        f"{name}={value}"
        for name, value in _environment(daemon).items()
        if name in {"FX_CONFIG_DIR", "FX_PORTAL_DIR"}
    )
    link = f"link --no-confirm --user {options.user}"
    return f"cd {ROOT} && {places} {sys.executable} -m portal {link}"


async def _end_sessions(web: WebClient) -> None:
    """Containers outlive their daemon; these are not to."""
    listed = await web.call("GET", "/v1/sessions?limit=500")
    for session in listed["sessions"]:
        if session["phase"] != "ended":
            await remove_containers(session["id"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/portal-dev", description=__doc__)
    parser.add_argument("--user", required=True)
    parser.add_argument("--port", type=int, default=8300)
    parser.add_argument("--administrator", action="store_true")
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--parent", type=Path, required=True)
    parser.add_argument("--daemon-user", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
