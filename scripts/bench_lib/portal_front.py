"""The portal of this tree in front of a bench's daemon, and a user who is signed in to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from scripts.bench_lib.daemon import Daemon
from scripts.bench_lib.free_port import free_port
from scripts.bench_lib.wire_viewer import Way

READY_SECONDS = 30.0


class PortalFront:
    """One of them; ``start`` makes it."""

    def __init__(self, daemon: Daemon, directory: Path, *, hand_over: bool) -> None:
        self._environment = {
            **os.environ,
            "FX_CONFIG_DIR": str(directory),
            "FX_PORTAL_DIR": str(directory / "state"),
        }
        self._address = ("127.0.0.1", free_port())
        self._origin = origin = f"http://127.0.0.1:{self._address[1]}"
        configuration = {
            "listen": {"port": self._address[1]},
            "upstream": {"socket": str(daemon.socket), "hand_over": hand_over},
            "sign_in": {"pam": {"enabled": False}, "link": {"enabled": True}},
        }
        directory.mkdir(mode=0o700)
        (directory / "portal.yaml").write_text(json.dumps(configuration))
        # Cookies of an address that is a number are kept as well.
        jar = aiohttp.CookieJar(unsafe=True)
        self._http = aiohttp.ClientSession(origin, cookie_jar=jar, headers={"Origin": origin})
        self.pid = 0

    @classmethod
    async def start(
        cls, stack: AsyncExitStack, daemon: Daemon, user: str, *, hand_over: bool
    ) -> PortalFront:
        """Run one that hands displays over, or carries them, and sign the user in."""
        directory = daemon.directory / ("handing" if hand_over else "carrying")
        front = cls(daemon, directory, hand_over=hand_over)
        stack.push_async_callback(front._http.close)
        process = await front._command("run")
        front.pid = process.pid

        async def end() -> None:
            process.kill()
            await process.wait()

        stack.push_async_callback(end)
        await front._until_ready(process)
        linking = await front._command("link", "--user", user, stdout=asyncio.subprocess.PIPE)
        printed, _ = await linking.communicate()
        token = printed.decode().strip().rpartition("#link=")[2]
        me = await front._post("/api/sign-in/link", {"token": token})
        front._http.headers["X-CSRF-Token"] = me["csrf_token"]
        return front

    async def way(self, session_id: str, mode: str) -> Way:
        """To a display, on the portal's own origin."""
        admission = await self._post(f"/api/sessions/{session_id}/connect", {"mode": mode})
        cookies = self._http.cookie_jar.filter_cookies(URL(self._origin))
        cookie = "; ".join(f"{name}={each.value}" for name, each in cookies.items())
        return Way(self._address, str(admission["path"]), cookie)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None:
                try:
                    async with self._http.get("/healthz"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        raise RuntimeError(f"the portal has ended with {process.returncode}")

    async def _post(self, path: str, body: object) -> dict[str, Any]:
        async with self._http.post(path, json=body) as answer:
            document: dict[str, Any] = await answer.json(content_type=None)
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {document}")
            return document

    async def _command(
        self, *arguments: str, stdout: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "portal", *arguments),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
