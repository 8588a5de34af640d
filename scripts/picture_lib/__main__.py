"""Sets the scene and takes the picture; ``scripts/picture`` calls it after the set-up."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import Page

from scripts.demo_lib.daemon import Settings, running_daemon
from scripts.demo_lib.web import WebClient
from scripts.picture_lib.page_picture import page_picture
from scripts.picture_lib.scene import play
from tests.browser.stage import running_browser
from tests.support.portal import Portal, running_portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PORTAL = {"sign_in": {"pam": {"enabled": False}}}
WINDOW = {"width": 1280, "height": 860}


async def take(options: argparse.Namespace) -> None:
    """Everything, from the daemon to the files."""
    settings = Settings(
        venv=options.venv,
        bundle=options.bundle,
        parent=Path("/run") if os.geteuid() == 0 else Path("/tmp"),  # noqa: S108 the user's own
        daemon_user=options.daemon_user,
        web_users=(options.portal_user,),
    )
    async with running_daemon(settings) as daemon, WebClient(daemon.socket) as web:
        await web.wait_ready(daemon)
        place = daemon.directory / "portal"
        async with (
            running_portal(options.venv, place, daemon.socket, PORTAL) as portal,
            _home(portal, options.user) as page,
            play(web, options.user, page),
        ):
            for file in options.files:
                await _save(page, file)


@asynccontextmanager
async def _home(portal: Portal, user: str) -> AsyncIterator[Page]:
    async with running_browser() as browser:
        context = await browser.new_context(
            viewport=WINDOW,  # type: ignore[arg-type] # sizes are sizes
            reduced_motion="reduce",
            color_scheme="light",
        )
        page = await context.new_page()
        await page.goto(await portal.link(user))
        await page.get_by_role("button", name="Sign in as").click()
        await page.wait_for_url(f"{portal.origin}/")
        yield page


async def _save(page: Page, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".svg":
        file.write_text(await page_picture(page), encoding="utf-8")
    else:
        await page.screenshot(path=file)
    print(f"{file}: {file.stat().st_size // 1000} kB")


def main() -> int:
    """Take the picture."""
    parser = argparse.ArgumentParser(prog="scripts/picture", description=__doc__)
    for name in ("--venv", "--bundle"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--daemon-user", "--portal-user", "--user"):
        parser.add_argument(name, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    asyncio.run(take(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
