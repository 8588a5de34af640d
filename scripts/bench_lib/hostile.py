"""``scripts/bench hostile``: what a neighbour feels of a session that attacks.

Callback to event, and a round trip to the X server and back, of sessions beside one that runs an
attack in its container. The attacker is frozen and thawed in turns, so that both sides of a ratio
meet the same mood of the machine; ``burn`` only burns the host's cores: what no relay can help.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass, field

import aiohttp

from scripts.bench_lib.callbacks import Crossings
from scripts.bench_lib.daemon import Daemon, docker, own_daemon
from scripts.bench_lib.figures import Figure, Target, print_table, quantile, write_json
from scripts.bench_lib.neighbours import Neighbours
from scripts.bench_lib.options import parse, parser, run
from scripts.bench_lib.population import Population
from scripts.bench_lib.usage import usage_of
from scripts.bench_lib.wire import call, request_bytes
from tests.support.attacks import ATTACKS, command
from tests.support.rfb_client import RfbClient, WebSocketStream

NEIGHBOUR = Target(2)
MEASURED = (
    ("event_ms", "callback -> event", NEIGHBOUR),
    ("new_ms", "... dialled", None),
    ("echo_ms", "display echo", NEIGHBOUR),
    ("view_ms", "viewer admitted", NEIGHBOUR),
)
CALLS_A_SECOND = 4.0
"""Of one session; its allowance is 5."""
ECHO_SECONDS = 0.05
VIEW_SECONDS = 0.2
"""Between two viewers, who only come and go."""
PIDS = {"hostile": 100, "crowded": 450}
"""Templates, and how many processes their sessions may have."""
SCREENSHOT_SECONDS = 0.3
"""Between two, of whoever sends false displays: nobody would ask it for one otherwise."""
TEMPLATE = """
image: fx-perl-base:trixie
command: exec perl -e 'sleep 3600 while 1'
network_mode: none
working_dir: /
pids_limit: {pids}
mem_limit: 256m
memswap_limit: 256m
tmpfs: ["/tmp:size=16m,mode=1777"]
"""


@dataclass
class Side:
    """Milliseconds of one turn: alone, or beside the attack."""

    event_ms: list[float] = field(default_factory=list)
    new_ms: list[float] = field(default_factory=list)
    """The same of those who dial for each callback."""
    echo_ms: list[float] = field(default_factory=list)
    view_ms: list[float] = field(default_factory=list)
    """From a viewer's asking for its WebSocket to having it: the agent has dialled."""


@dataclass
class Attack:
    """What was measured of one."""

    alone: list[Side] = field(default_factory=list)
    beside: list[Side] = field(default_factory=list)
    cpu_percent: list[float] = field(default_factory=list)
    """Of the daemon, while attacked."""
    rss_mb: float = 0.0
    noted: dict[str, int] = field(default_factory=dict)
    """What the log says that the attacker did, and how often."""


_Viewer = AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]


class Stage:
    """A daemon, the neighbours with one viewer, and the attackers."""

    def __init__(self, daemon: Daemon, population: Population, options: argparse.Namespace) -> None:
        self._daemon = daemon
        self._population = population
        self._options = options
        self._neighbours = Neighbours(CALLS_A_SECOND)
        self._newcomers = Neighbours(CALLS_A_SECOND, are_new=True)
        self._http: aiohttp.ClientSession | None = None
        self._screen: RfbClient | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        """Neighbours, and a viewer of the first."""
        await self._population.grow(self._options.neighbours + self._options.newcomers)
        stack.push_async_callback(self._neighbours.close)
        stack.push_async_callback(self._newcomers.close)
        for count, session in enumerate(tuple(self._population.sessions.values())):
            kind = self._neighbours if count < self._options.neighbours else self._newcomers
            await kind.add(session["container_id"])
        connector = aiohttp.UnixConnector(str(self._daemon.socket))
        self._http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        socket = await stack.enter_async_context(await self._viewer(0))
        self._screen = await stack.enter_async_context(RfbClient.connect(WebSocketStream(socket)))
        await self._screen.refresh()

    async def _viewer(self, number: int) -> _Viewer:
        """Of one of the neighbours; admitted when it is entered."""
        http = self._http
        if http is None:
            raise RuntimeError("the stage is not open")
        url = f"http://fx/v1/sessions/{list(self._population.sessions)[number]}/tickets"
        async with http.post(url, json={}) as answer:
            path = (await answer.json())["path"]
        return http.ws_connect(f"http://fx{path}", protocols=["binary"], max_msg_size=0)

    async def turn(self) -> Side:
        """Measure the neighbours."""
        crossings = Crossings()
        self._population.on_event = crossings.take
        side = Side()
        looking = [asyncio.create_task(each(side)) for each in (self._echo, self._come_and_go)]
        try:
            async with asyncio.TaskGroup() as tasks:
                known, new = (
                    tasks.create_task(each.call(crossings, self._options.seconds))
                    for each in (self._neighbours, self._newcomers)
                )
            side.event_ms, side.new_ms = known.result(), new.result()
        finally:
            for each in looking:
                each.cancel()
            await asyncio.wait(looking)
            self._population.on_event = None
        return side

    async def _echo(self, side: Side) -> None:
        screen = self._screen
        if screen is None:
            return
        while True:
            before, begun = screen.updates, time.perf_counter()
            await screen._stream.write(struct.pack("!BBHHHH", 3, 0, 0, 0, 16, 16))  # noqa: SLF001 likewise
            await screen.wait_until(lambda before=before: screen.updates > before)  # type: ignore[misc]
            side.echo_ms.append(1000 * (time.perf_counter() - begun))
            await asyncio.sleep(ECHO_SECONDS)

    async def _come_and_go(self, side: Side) -> None:
        while True:
            viewer = await self._viewer(1)
            begun = time.perf_counter()
            async with viewer:
                side.view_ms.append(1000 * (time.perf_counter() - begun))
            await asyncio.sleep(VIEW_SECONDS)

    async def attack(self, name: str) -> Attack:
        """Turns alone and beside one attacker, which is gone afterwards."""
        measured = Attack()
        session: dict[str, str] | None = None
        try:
            for _ in range(self._options.rounds):
                if session is not None:
                    await docker("pause", session["container_id"])
                measured.alone.append(await self.turn())
                if session is not None:
                    await docker("unpause", session["container_id"])
                if session is None or self._is_over(session["id"]):
                    # An attack may end its session.
                    session = await self._attacker(name)
                await self._measure_beside(name, session, measured)
                found = self._noted(session["id"])
                measured.noted = {**measured.noted, **found}
        finally:
            if session is not None:
                await self._end(session)
        return measured

    async def _measure_beside(self, name: str, session: dict[str, str], measured: Attack) -> None:
        before, begun = usage_of(self._daemon.pid).cpu_seconds, time.monotonic()
        looking = asyncio.create_task(self._look(session["id"]))
        if name != "false_displays":
            looking.cancel()
        try:
            measured.beside.append(await self.turn())
        finally:
            looking.cancel()
            await asyncio.wait([looking])
        usage = usage_of(self._daemon.pid)
        spent = usage.cpu_seconds - before
        measured.cpu_percent.append(100 * spent / (time.monotonic() - begun))
        measured.rss_mb = max(measured.rss_mb, usage.rss_mb)

    async def _look(self, session_id: str) -> None:
        while self._http is not None:
            async with self._http.get(f"http://fx/v1/sessions/{session_id}/screenshot") as answer:
                await answer.read()
            await asyncio.sleep(SCREENSHOT_SECONDS)

    def _runs(self, session_id: str) -> bool:
        return bool(self._population.sessions.get(session_id, {}).get("phase") == "running")

    def _is_over(self, session_id: str) -> bool:
        return bool(self._population.sessions.get(session_id, {}).get("phase") in {None, "ended"})

    async def _end(self, session: dict[str, str]) -> None:
        await docker("rm", "--force", session["container_id"])
        path = f"/v1/sessions/{session['id']}"
        await call(self._daemon.socket, request_bytes("DELETE", path))
        sessions = self._population.sessions
        await self._population.until(lambda: session["id"] not in sessions, "the attacker goes")

    async def _attacker(self, name: str) -> dict[str, str]:
        template = "crowded" if name == "crowd" else "hostile"
        body = {"user": self._options.user, "template": template}
        answer = await call(self._daemon.socket, request_bytes("POST", "/v1/sessions", body=body))
        session_id = str(answer.json()["id"])
        await self._population.until(lambda: self._runs(session_id), "the attacker runs")
        if name == "burn":
            program = ["/usr/bin/perl", "-e", "fork; fork; 1 while 1"]
        else:
            program = command(name)
        path = f"/v1/sessions/{session_id}/exec"
        wish = request_bytes("POST", path, body={"command": program})
        if (done := await call(self._daemon.socket, wish)).status != 202:
            raise RuntimeError(f"exec: {done.status} {done.body.decode()}")
        return self._population.sessions[session_id]

    def _noted(self, session_id: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in (self._daemon.directory / "log").read_text().splitlines():
            if '"offence_noted"' in line and session_id in line:
                told = json.loads(line)
                found[told["offence"]] = found.get(told["offence"], 0) + told["count"]
        return found


async def measure(options: argparse.Namespace) -> dict[str, Attack]:
    """Every attack, one after the other."""
    measured: dict[str, Attack] = {}
    async with AsyncExitStack() as stack:
        daemon = await stack.enter_async_context(own_daemon(options.bundle))
        for template, pids in PIDS.items():
            file = daemon.directory / "launcher-templates" / f"{template}.tpl"
            file.write_text(TEMPLATE.format(pids=pids))
        daemon.configure(options.bundle, log={"format": "json", "level": "info"})
        await daemon.start()
        await daemon.ready()
        population = Population(daemon, options.user, play_agents=False)
        population.expected_reasons |= {"Purged", "OutOfMemory", "CommandExited", "ContainerDied"}
        stack.callback(population.close)
        await population.follow()
        stage = Stage(daemon, population, options)
        await stage.open(stack)
        for name in options.attacks:
            measured[name] = attack = await stage.attack(name)
            print(summary(name, attack), flush=True)
    return measured


def summary(name: str, attack: Attack) -> str:
    """A line for whoever watches."""
    event, new, echo, view = (
        f"{ratio(attack, what, 0.5):.2f} x ({ratio(attack, what, 0.99):.2f} p99) "
        f"of {middle(attack.alone, what):.1f} ms"
        for what, _, _ in MEASURED
    )
    return (
        f"{name}: events {event}, over new connections {new}, echoes {echo}, viewers {view}; "
        f"daemon {quantile(attack.cpu_percent, 0.5):.0f} % of a core, {attack.rss_mb:.0f} MB; "
        f"the log: {attack.noted}"
    )


def middle(sides: list[Side], what: str) -> float:
    """The median of all of them."""
    return quantile([ms for side in sides for ms in getattr(side, what)], 0.5)


def ratio(attack: Attack, what: str, fraction: float) -> float:
    """The median of what each pair of turns says."""
    pairs = zip(attack.alone, attack.beside, strict=True)
    return quantile(
        [
            quantile(getattr(beside, what), fraction) / quantile(getattr(alone, what), fraction)
            for alone, beside in pairs
        ],
        0.5,
    )


def figures(measured: dict[str, Attack]) -> list[Figure]:
    """Ratios to the same moment without the attack; the medians also as multiples of ``burn``'s."""
    found: list[Figure] = []
    burn = measured.get("burn")
    for name, attack in measured.items():
        for what, label, most in MEASURED:
            for fraction, target in ((0.5, most), (0.99, None)):
                values = [ms for side in attack.alone for ms in getattr(side, what)]
                found.append(
                    Figure(
                        key=f"{name}_{what}_p{100 * fraction:g}",
                        label=f"{name}: {label}, p{100 * fraction:g}",
                        value=ratio(attack, what, fraction),
                        floor=quantile(values, fraction),
                        unit="x",
                        target=target,
                    )
                )
            if burn is not None and attack is not burn:
                found.append(
                    Figure(
                        key=f"{name}_{what}_to_burn",
                        label=f"{name}: {label.split()[-1]}, p50 / burn's",
                        value=ratio(attack, what, 0.5) / ratio(burn, what, 0.5),
                        unit="x",
                    )
                )
    return found


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    arguments = parser("hostile", "what a neighbour feels of a session that attacks")
    arguments.add_argument("--neighbours", type=int, default=5, help="sessions that call back")
    arguments.add_argument("--newcomers", type=int, default=2, help="... and dial for each")
    arguments.add_argument("--seconds", type=float, default=5.0, help="length of a turn")
    arguments.add_argument("--rounds", type=int, default=5, help="pairs of turns for each attack")
    arguments.add_argument("--attacks", nargs="+", default=["burn", *ATTACKS])
    options = parse(arguments, {"seconds": 2.0, "rounds": 3})
    measured = run(measure(options))
    found = figures(measured)
    print_table("hostile", found)
    print("measured: beside the attack, as a multiple of alone; floor: alone, in milliseconds")
    if options.json is not None:
        write_json(options.json, found, {name: asdict(each) for name, each in measured.items()})


if __name__ == "__main__":
    main()
