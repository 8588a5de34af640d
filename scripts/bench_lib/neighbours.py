"""Sessions that call back from within their containers, as their users: whom an attack is felt by.

What runs there is told each callback on its standard input, sends it as the agent does, over a
connection that is kept as long as the relay keeps it, and says when it began and when it had the
answer, by the clock that all share. Newcomers dial for each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

from scripts.bench_lib.callbacks import ARRIVAL_SECONDS, Crossings

_CLOCK_GETTIME = {"x86_64": 228, "aarch64": 113}
_FIRST_SEQ = 1_000_000
"""Above what the session's own agent has used."""
_NUMBERS = itertools.count(_FIRST_SEQ)
_LOOK_AGAIN_SECONDS = 0.005
_PROGRAM = r"""
use strict; use warnings; use lib '/opt/fastx/agent/lib'; use FastX::Dial;
$SIG{PIPE} = 'IGNORE'; $| = 1; my $relay;
my ($token) = do { open my $file, '<', '/run/fastx/session/session.json' or die $!; local $/;
    <$file> =~ /"token":\s*"([^"]+)"/ } or die 'no token';
sub now { my $at = "\0" x 16; syscall(CLOCK_GETTIME, 1, $at); my ($s, $n) = unpack 'q2', $at;
    return $s + $n / 1e9 }
sub ask { my ($request) = @_; my $answer = '';
    ($relay) = FastX::Dial::connect_to_relay('/run/fastx/relay/session.sock') if !$relay;
    syswrite $relay, $request if $relay;
    while ($relay && $answer !~ /\r\n\r\n/) { vec(my $reading = '', fileno $relay, 1) = 1;
        select $reading, undef, undef, 10; sysread $relay, $answer, 4096, length $answer or last }
    return $answer }
sub post { my ($body) = @_; my $was_kept = $relay;
    my $request = "POST /v1/callbacks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n"
        . "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    my $answer = ask($request);
    if ($was_kept && $answer eq '') { undef $relay; $answer = ask($request) }
    undef $relay if ANEW || $answer eq '' || $answer =~ /^Connection: close/mi;
    return $answer =~ /\AHTTP\S+ (\d+)/ ? $1 : 0 }
while (my $body = <STDIN>) { chomp $body; my $begun = now();
    my $status; until ($status = post($body)) { select undef, undef, undef, 0.1 }
    printf "%d %.6f %.6f\n", $status, $begun, now() }
"""


@dataclass(slots=True)
class _Caller:
    process: asyncio.subprocess.Process
    seq: int = _FIRST_SEQ


class Neighbours:
    """All of them; ``are_new``: none keeps its connection."""

    def __init__(self, rate: float, *, are_new: bool = False) -> None:
        self._rate = rate
        self._are_new = are_new
        self._callers: list[_Caller] = []

    async def add(self, container: str) -> None:
        """Begin one in a container."""
        number = _CLOCK_GETTIME[platform.machine()]
        program = _PROGRAM.replace("CLOCK_GETTIME", str(number))
        process = await asyncio.create_subprocess_exec(
            *("docker", "exec", "--interactive", container, "/usr/bin/perl", "-e"),
            program.replace("ANEW", str(int(self._are_new))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._callers.append(_Caller(process))

    async def close(self) -> None:
        """End them."""
        for caller in self._callers:
            caller.process.kill()
            await caller.process.wait()

    async def call(self, crossings: Crossings, seconds: float) -> list[float]:
        """Each calls back at the rate for so long; milliseconds from each callback to its event.

        Raises RuntimeError: one was refused.
        """
        took: list[float] = []
        interval = 1 / self._rate
        begun = time.monotonic()

        async def repeat(caller: _Caller, first: float) -> None:
            for count in range(int(self._rate * seconds)):
                at = begun + first + count * interval
                await asyncio.sleep(at - time.monotonic())
                took.append(await self._call_once(caller, crossings))

        async with asyncio.TaskGroup() as tasks:
            for position, caller in enumerate(self._callers):
                tasks.create_task(repeat(caller, position * interval / len(self._callers)))
        return took

    async def _call_once(self, caller: _Caller, crossings: Crossings) -> float:
        caller.seq += 1
        number = next(_NUMBERS)
        body = {"seq": caller.seq, "at": int(time.time()), **_said(number)}
        stdin, stdout = caller.process.stdin, caller.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the neighbour has no pipes")
        stdin.write(json.dumps(body).encode() + b"\n")
        status, *at = (await stdout.readline()).split()
        if status != b"204":
            raise RuntimeError(f"callback: {status.decode()}")
        sent = float(at[0])
        await _until(lambda: number in crossings.arrived)
        # An event that never comes counts for the whole wait.
        return 1000 * (crossings.arrived.get(number, sent + ARRIVAL_SECONDS) - sent)


async def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + ARRIVAL_SECONDS
    while not holds() and time.monotonic() < end:
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _said(number: int) -> dict[str, object]:
    if number % 2:
        return {"type": "title", "title": f"bench {number}"}
    usage = {"memory_bytes": 25_000_000, "cpu_seconds": 1.5, "processes": number}
    return {"type": "heartbeat", "usage": usage}
