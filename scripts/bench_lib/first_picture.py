"""``scripts/bench first-picture``: from a click on "launch" to the first picture in the browser.

Chromium, the portal, the daemon and a session's container, all real, one launch after the other.
Everything runs on this host, so that all clocks are one: moments of the page (``fx:*`` in its
performance timeline), of the session (its timestamps) and of the event stream stand on one scale.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import Page

from scripts.bench_lib.daemon import WebServer, own_daemon
from scripts.bench_lib.engine import write_json
from scripts.bench_lib.options import parse, parser, run
from tests.browser.stage import running_browser
from tests.support.portal import PORTAL_USER, running_portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TITLE = "Desk"
TEMPLATE = """
title: Desk
image: fx-sample:bookworm
command: exec xterm
volumes: ["${user.home}:${user.home}"]
working_dir: ${user.home}
network_mode: none
"""
PORTAL = {"sign_in": {"pam": {"enabled": False}}, "log": {"format": "json"}}
SECONDS = 60_000.0
"""Milliseconds, as the browser's driver has them."""
STAGES = (
    ("accepted", "POST /api/sessions is accepted: stored, its turn awaited"),
    ("starting", "a slot is granted: image looked at, files written"),
    ("started", "the container is created and started"),
    ("page", "the screen's page has loaded, and follows the session"),
    ("ready", "agent and X server are ready"),
    ("admitted", "the page has an admission"),
    ("connected", "the display is connected: WebSocket, relay, agent, X server"),
    ("picture", "the first picture is drawn"),
)
# A page that is left takes its timeline with it.
_CLICKED = """
addEventListener("click", () => sessionStorage.setItem("bench.click", String(Date.now())), true)
"""
_MARKS = """
() => {
    const at = (name) => performance.timeOrigin + performance.getEntriesByName(name)[0].startTime;
    const { domContentLoadedEventEnd } = performance.getEntriesByType("navigation")[0];
    return {
        click: Number(sessionStorage.getItem("bench.click")),
        page: performance.timeOrigin + domContentLoadedEventEnd,
        admitted: at("fx:admitted"), connected: at("fx:connected"), picture: at("fx:first-picture"),
    };
}
"""


async def measure(options: argparse.Namespace) -> list[dict[str, float]]:
    """All rounds: milliseconds from the click to each stage."""
    async with own_daemon(options.bundle) as daemon:
        (daemon.directory / "launcher-templates" / "desk.tpl").write_text(TEMPLATE)
        who = PORTAL_USER if os.geteuid() == 0 else options.user
        daemon.configure(options.bundle, relay={"web": {"allow_users": [who]}})
        await daemon.start()
        await daemon.ready()
        web = WebServer(daemon.socket)
        await web.open()
        place = daemon.directory / "portal"
        try:
            async with running_portal(options.venv, place, daemon.socket, PORTAL) as portal:
                link = await portal.link(options.user)
                return [each async for each in _rounds(options.rounds, link, portal.origin, web)]
        finally:
            await web.close()


async def _rounds(
    many: int, link: str, origin: str, web: WebServer
) -> AsyncIterator[dict[str, float]]:
    async with running_browser() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(SECONDS)
        await page.add_init_script(_CLICKED)
        await page.goto(link)
        await page.get_by_role("button", name="Sign in as").click()
        for number in range(many + 1):
            await page.wait_for_url(f"{origin}/")
            stages = await _launch(page, web)
            if number == 0:
                print("warmed up", flush=True)
            else:
                print(f"round {number} of {many}: {stages['picture']:.0f} ms", flush=True)
                yield stages
            await page.goto(f"{origin}/")


async def _launch(page: Page, web: WebServer) -> dict[str, float]:
    await (
        page.get_by_role("button", name=f"Launch at once: {TITLE}")
        .or_(page.get_by_role("button", name=f"Launch as last time: {TITLE}"))
        .click()
    )
    await page.wait_for_url("**/sessions/*")
    await page.locator("html[data-state=connected]").wait_for(state="attached")
    marks: dict[str, float] = await page.evaluate(_MARKS)
    session_id = page.url.rpartition("/")[2]
    monotonic_to_epoch = time.time() - time.perf_counter()
    starting = await web.when(session_id, lambda session: session["phase"] != "pending")
    session = await web.session(session_id)
    await web.terminate(session_id)
    moments = {
        **marks,
        "accepted": _epoch_ms(session["created_at"]),
        "starting": 1000 * (starting + monotonic_to_epoch),
        "started": _epoch_ms(session["started_at"]),
        "ready": _epoch_ms(session["ready_at"]),
    }
    return {name: moments[name] - marks["click"] for name, _ in STAGES}


def _epoch_ms(moment: str) -> float:
    return 1000 * datetime.fromisoformat(moment).timestamp()


def report(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Print the stages in the order in which they are reached; medians for programs."""
    medians = {name: statistics.median(each[name] for each in rounds) for name, _ in STAGES}
    print(f"\nmilliseconds after the click, {len(rounds)} rounds")
    print(f"{'p50':>7}{'min':>7}{'max':>7}{'step':>7}  stage")
    before = 0.0
    for name, what in sorted(STAGES, key=lambda stage: medians[stage[0]]):
        values = [each[name] for each in rounds]
        row = "".join(f"{value:>7.0f}" for value in (medians[name], min(values), max(values)))
        print(f"{row}{medians[name] - before:>7.0f}  {what}")
        before = medians[name]
    return medians


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("first-picture", "a launch as people see it, stage by stage")
    arguments.add_argument("--venv", type=Path, required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--rounds", type=int, default=9)
    options = parse(arguments, quick={"rounds": 3})
    rounds = run(measure(options))
    figures = report(rounds)
    if options.json is not None:
        write_json(options.json, {"figures": figures, "samples": rounds})


if __name__ == "__main__":
    main()
