"""Following the sessions, across lost connections too."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from supervisor.ctl.client import Client
from supervisor.ctl.errors import MalformedAnswerError, UnreachableError
from supervisor.ctl.follow import changes
from supervisor.ctl.sse import MAX_EVENT_BYTES, Event, EventParser
from supervisor.ctl.tables import event_line
from supervisor.lifecycle.session import Phase
from tests.unit.ctl.daemon import Daemon

ROOT = Path(__file__).parents[3]


def test_events_are_followed_till_ctrl_c(daemon: Daemon) -> None:
    """A line for each change, at once; then the end, quietly and with 0."""
    session_id = daemon.start()
    with following(daemon, "--json") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        lines = [json.loads(program.stdout.readline()) for _ in range(4)]
        daemon.change(session_id, phase=Phase.STARTING, progress=0.5)
        lines.append(json.loads(program.stdout.readline()))
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
        assert program.stderr.read() == ""
    assert [line["event"] for line in lines] == ["reset", "update", "synced", "node", "update"]
    assert lines[-1]["seq"] == lines[-3]["seq"] + 1
    assert lines[-1]["data"]["phase"] == "starting"


def test_what_is_and_what_happens_are_told_apart(daemon: Daemon) -> None:
    """What is has its own age; what happens has a time and the number that ``--since`` takes."""
    session_id = daemon.start()
    with following(daemon) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(3)]
        daemon.change(session_id, phase=Phase.STARTING, progress=0.5)
        lines.append(program.stdout.readline())
    present, heading, _node, change = (line.split() for line in lines)
    assert present[1:] == ["ago", session_id[-8:], "alice", "pending"]
    assert heading[:3] == ["live,", "after", "event"]
    assert change[1:] == [
        *(str(int(heading[3].rstrip(":")) + 1), session_id[-8:], "alice", "starting", "50%")
    ]


def test_an_event_that_is_not_kept_is_no_silent_beginning(daemon: Daemon) -> None:
    """All there is comes in place of what was asked for, and that is said."""
    daemon.start()
    daemon.feed.kept_after = 5
    with following(daemon, "--since", "1") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert "ago" in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
        said = program.stderr.read()
    assert said == "fxctl: What came after event 1 is not kept; all there is:\n"


@contextmanager
def following(daemon: Daemon, *options: str) -> Iterator[subprocess.Popen[str]]:
    """``fxctl events``; killed after the block if it still runs."""
    words = ["-m", "supervisor.ctl.app", "events", *options, "--socket", str(daemon.socket)]
    with subprocess.Popen(  # noqa: S603 this very program
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as program:
        try:
            yield program
        finally:
            program.kill()


@asynccontextmanager
async def serving(serve: Handler, socket: Path) -> AsyncIterator[web.AppRunner]:
    """Something else in the daemon's place."""
    app = web.Application()
    app.router.add_get("/v1/events", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield runner
    finally:
        await runner.cleanup()


async def test_a_lost_connection_is_made_again_where_it_broke_off(tmp_path: Path) -> None:
    """With the id of the last event; a stream the daemon ends is no reason to stop."""
    asked: list[str | None] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Last-Event-ID"))
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'id: %d\nevent: update\ndata: {"id": "x"}\n\n' % len(asked))
        if len(asked) == 2 and request.transport is not None:
            request.transport.abort()
        return response

    notices: list[str] = []
    async with serving(serve, tmp_path / "s"), Client(tmp_path / "s") as client:
        stream = changes(client, notice=notices.append)
        async with aclosing(stream), asyncio.timeout(10):
            seen = [event.seq async for event in first(stream, 4)]
    assert seen == [None, 1, 2, 3]
    assert asked == [None, "1", "2"]
    assert len(notices) == 2


async def first(stream: AsyncIterator[Event], count: int) -> AsyncIterator[Event]:
    """So many, and no more."""
    async for event in stream:
        yield event
        count -= 1
        if not count:
            return


async def test_a_daemon_that_was_never_there_is_not_waited_for(tmp_path: Path) -> None:
    """The first connection has to succeed."""
    async with Client(tmp_path / "none") as client:
        stream = changes(client, since=3)
        async with aclosing(stream):
            with pytest.raises(UnreachableError, match="does not run"):
                await anext(stream)


async def test_a_daemon_that_stays_away_is_given_up(tmp_path: Path) -> None:
    """Where somebody waits for a result, patience has an end."""

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"id: 1\nevent: update\ndata: {}\n\n")
        return response

    async with serving(serve, tmp_path / "s") as runner, Client(tmp_path / "s") as client:
        stream = changes(client, patience_seconds=0.0)
        async with aclosing(stream), asyncio.timeout(10):
            assert [event.seq async for event in first(stream, 2)] == [None, 1]
            await runner.cleanup()
            with pytest.raises(UnreachableError):
                await anext(stream)


async def test_a_quiet_stream_is_no_daemon_gone(tmp_path: Path) -> None:
    """Patience counts from the loss of a connection, not from the last event."""
    asked, patience = 0, 0.1
    notices: list[str] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > 1 and len(notices) < 2 and request.transport is not None:
            request.transport.abort()
        response = web.StreamResponse()
        await response.prepare(request)
        if asked == 1:
            await asyncio.sleep(2 * patience)
        else:
            await response.write(b"id: 1\nevent: synced\ndata: {}\n\n")
        return response

    async with serving(serve, tmp_path / "s"), Client(tmp_path / "s") as client:
        stream = changes(client, patience_seconds=patience, notice=notices.append)
        async with aclosing(stream), asyncio.timeout(10):
            while (await anext(stream)).kind != "synced":
                pass
    assert ["lost" in notice for notice in notices] == [False, True]


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_events_come_out_whatever_the_pieces(piece_bytes: int) -> None:
    """Comments are passed over; line ends may be of either kind; unknown fields are ignored."""
    raw = (
        b": hello\n\n"
        b'event: update\r\nid: 7\r\ndata: {"a":\r\ndata: "\xc3\xa4"}\r\n\r\n'
        b"retry: 5\n\n"
        b"event: synced\nid: x\ndata: {}\n\n"
        b"event: update\ndata: {"
    )
    parser = EventParser()
    pieces = [raw[i : i + piece_bytes] for i in range(0, len(raw), piece_bytes)]
    events = [event for piece in pieces for event in parser.feed(piece)]
    assert events == [Event(7, "update", {"a": "ä"}), Event(None, "synced", {})]


@pytest.mark.parametrize(
    "raw", [b"data: [1]\n\n", b"data: {\n\n", b"x" * (MAX_EVENT_BYTES + 1), b"data: \xff\n\n"]
)
def test_a_stream_that_is_none_of_ours_is_refused(raw: bytes) -> None:
    """Not followed for ever, not kept without bound."""
    with pytest.raises(MalformedAnswerError):
        list(EventParser().feed(raw))


def test_a_change_is_one_line_of_who_what_and_why() -> None:
    """Also for a session that is forgotten, of which the event has but the id."""
    at = datetime.now(UTC)
    document = {
        "id": "0" * 18 + "abcdefgh",
        "user": "al\nice",
        "phase": "ended",
        "exit_code": 1,
        "reason": "ContainerDied",
        "message": "It died.",
    }
    line = event_line(Event(1, "update", document), "", at).plain
    assert line.split()[1:] == [
        *("1", "abcdefgh", r"al\nice", "ended", "(1)", "ContainerDied:", "It", "died.")
    ]
    forgotten = event_line(Event(2, "delete", {"id": document["id"]}), "alice", at).plain
    assert forgotten.split()[1:] == ["2", "abcdefgh", "alice", "forgotten"]
    assert "weather" in event_line(Event(3, "weather", {}), "", at).plain
