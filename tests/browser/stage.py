"""Everything real: daemon, portal, Chromium; and people, each at a browser of their own."""

from __future__ import annotations

import os
import pwd
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.support.daemon import Daemon, running_daemon
from tests.support.portal import PORTAL_USER, Portal, running_portal
from tests.support.surroundings import Surroundings, given
from tests.support.web_server import WebServer

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]
BACKGROUND = (0x31, 0x47, 0x6B)
TERMINAL = (0x16, 0x20, 0x2F)

# What is seen is known by its colours, so that a look at a pixel tells.
DESK = """
title: Desk
description: A terminal on a plain background.
image: fx-sample:bookworm
geometry: 900x600
command: >-
  xsetroot -solid '#31476b';
  exec xterm -geometry 60x16+40+40 -fn 9x15 -bg '#16202f' -fg '#e8edf4'
params:
  memory: {type: size, label: Memory, help: Of all its programs., default: 512m, min: 256m, max: 1g}
  cores: {type: integer, label: CPU cores, default: 1, min: 1, max: 2}
  theme: {type: choice, label: Theme, default: plain, choices: [plain, {value: dark, label: Dark}]}
  # A flag that no browser's engine knows so, which leaves the pattern to the server.
  project: {type: string, label: Project, pattern: "(?i)[a-z]+", max_length: 8, default: none}
environment: {PROJECT: "${start.params.project}", THEME: "${start.params.theme}"}
mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
volumes: ["${user.home}:${user.home}"]
working_dir: ${user.home}
network_mode: none
cap_drop: [ALL]
session: {suspend: freeze, clipboard: both, window_manager: none}
"""
MOST_ATTEMPTS = 3
CONFIG: Mapping[str, Any] = {
    "sign_in": {
        "pam": {"service": "other"},  # what a package places in /etc/pam.d is not there
        "attempts": {"per_user": MOST_ATTEMPTS, "per_address": 1000},
    },
    "shares": {"anyone": True},
    "log": {"format": "json", "level": "debug"},
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is running."""

    daemon: Daemon
    portal: Portal
    web: WebServer
    browser: Browser

    @property
    def user(self) -> str:
        """An ordinary user."""
        return self.daemon.site.user

    @property
    def second_user(self) -> str:
        """Another, who knows nothing of the first."""
        return given("FX_TEST_SECOND_USER")


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            chromium_sandbox=os.geteuid() != 0,  # it does not go with root
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def running_stage(
    site: Surroundings, browser: Browser, config: Mapping[str, Any] = CONFIG
) -> AsyncIterator[Stage]:
    """A daemon with the template ``desk``, and a portal in front of it."""
    who = PORTAL_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    relay = {"web": {"allow_users": [who]}}
    async with (
        running_daemon(site, config={"relay": relay}) as daemon,
        WebServer(daemon) as web,
    ):
        daemon.write_template("desk", DESK)
        place = Path(daemon.directory) / "portal"
        async with running_portal(site.venv, place, daemon.socket, config) as portal:
            yield Stage(daemon, portal, web, browser)
