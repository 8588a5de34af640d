#!/usr/bin/env python3
"""Runs the agent in real containers against a small relay of its own.

usage: e2e.py --bundle DIR [--bare IMAGE] [--rich IMAGE] [SCENARIO ...]

``--bare`` is an image with nothing but perl-base, ``--rich`` one with X
applications; a scenario whose image is not given is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import struct
import tempfile
import time

AGENT = pathlib.Path(__file__).resolve().parent.parent
UID = 12345
TOKEN = "secret-token"


class Relay:
    """Takes callbacks, holds the control stream, accepts display streams."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.callbacks: list[tuple[float, dict]] = []
        self.arrived = asyncio.Condition()
        self.control: asyncio.StreamWriter | None = None
        self.displays: dict[str, asyncio.Future] = {}
        self.servers: list[asyncio.AbstractServer] = []

    async def start(self) -> None:
        for name, handler in (("session", self._session), ("display", self._display)):
            path = self.directory / f"{name}.sock"
            path.unlink(missing_ok=True)
            self.servers.append(await asyncio.start_unix_server(handler, path, limit=2**20))
            path.chmod(0o666)

    async def stop(self) -> None:
        for server in self.servers:
            server.close()
        self.servers.clear()
        if self.control:
            self.control.close()
            self.control = None

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert f"Authorization: Bearer {TOKEN}\r\n" in head, head
        if head.startswith("GET /v1/commands "):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n")
            self.control = writer
            async with self.arrived:
                self.arrived.notify_all()
            return
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        async with self.arrived:
            self.callbacks.append((time.monotonic(), body))
            self.arrived.notify_all()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async def _display(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word, token, stream = (await reader.readline()).decode().split()
        assert (word, token) == ("FASTX-DISPLAY/1", TOKEN)
        self.displays[stream].set_result((reader, writer))

    def command(self, **fields: object) -> None:
        line = json.dumps(fields).encode() + b"\n"
        assert self.control is not None
        self.control.write(b"%x\r\n%s\r\n" % (len(line), line))

    async def open_display(self, stream: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.displays[stream] = asyncio.get_running_loop().create_future()
        self.command(type="open_display", stream=stream)
        reader, writer = await asyncio.wait_for(self.displays[stream], 5)
        writer.write(b"OK\n")
        return reader, writer

    async def wait_for(self, kind: str, seconds: float = 15) -> tuple[float, dict]:
        def found() -> tuple[float, dict] | None:
            return next((c for c in self.callbacks if c[1]["type"] == kind), None)

        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: found() is not None), seconds)
        result = found()
        assert result
        return result


async def docker(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "docker", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return out.decode(errors="replace").strip()


class Session:
    """One container with the agent, and the relay it reports to."""

    def __init__(self, bundle: str, image: str, command: object, deaf: bool = False, **settings: object) -> None:
        self.bundle, self.image, self.deaf = bundle, image, deaf
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fx-agent-"))
        self.directory.chmod(0o755)
        for name in ("relay", "session", "home"):
            (self.directory / name).mkdir()
        os.chown(self.directory / "home", UID, UID)
        self.settings = {
            "version": 1, "session": "01jdtest", "user": "alice", "home": "/home/alice", "shell": "/bin/sh",
            "token": TOKEN, "bundle": "/opt/fastx/bundle", "command": command, "heartbeat_seconds": 1,
            "relay": {"session": "unix:/run/fastx/relay/session.sock", "display": "unix:/run/fastx/relay/display.sock"},
            **settings,
        }  # fmt: skip
        self.relay = Relay(self.directory / "relay")

    async def __aenter__(self) -> Session:
        (self.directory / "session/session.json").write_text(json.dumps(self.settings))
        if not self.deaf:
            await self.relay.start()
        here = self.directory
        self.began = time.monotonic()
        self.name = await docker(
            "run", "-d", "--init", "--read-only", "--network", "none", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges", "-u", f"{UID}:{UID}", "--tmpfs", "/tmp",
            "--tmpfs", f"/run/user/{UID}:uid={UID},gid={UID},mode=0700", "-e", f"XDG_RUNTIME_DIR=/run/user/{UID}",
            "-v", f"{AGENT}:/opt/fastx/agent:ro", "-v", f"{os.path.realpath(self.bundle)}:/opt/fastx/bundle:ro",
            "-v", f"{here}/session:/run/fastx/session:ro", "-v", f"{here}/relay:/run/fastx/relay:ro",
            "-v", f"{here}/home:/home/alice",
            self.image, "/usr/bin/perl", "/opt/fastx/agent/bin/fx-session",
        )  # fmt: skip
        return self

    async def exit_code(self) -> int:
        return int(await asyncio.wait_for(docker("wait", self.name), 30))

    async def logs(self) -> str:
        return await docker("logs", self.name)

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if error:
            print(f"callbacks: {[c[1] for c in self.relay.callbacks]}\nlog:\n{await self.logs()}")
        await docker("rm", "-f", self.name)
        await self.relay.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


async def sleep_until_terminated(bundle: str, bare: str, rich: str) -> None:
    """Ready in a bare image, heartbeats, RFB through the display socket, and a quick end on SIGTERM."""
    async with Session(bundle, bare, ["/bin/sh", "-c", "sleep 100"]) as session:
        started, _ = await session.relay.wait_for("started")
        ready, body = await session.relay.wait_for("ready")
        assert body["display"] and body["geometry"] == "1280x800" and body["seq"] == 2, body
        inspected = json.loads(await docker("inspect", session.name))[0]["State"]["StartedAt"]
        print(f"  docker run->started {1000 * (started - session.began):.0f} ms, started->ready "
              f"{1000 * (ready - started):.0f} ms ({inspected})")  # fmt: skip
        reader, writer = await session.relay.open_display("s1")
        assert await reader.readexactly(12) == b"RFB 003.008\n"
        writer.write(b"RFB 003.008\n")
        assert await reader.readexactly(2) == b"\x01\x01"
        writer.write(b"\x01")
        assert await reader.readexactly(4) == bytes(4)
        writer.write(b"\x01")
        width, height = int.from_bytes(await reader.readexactly(2)), int.from_bytes(await reader.readexactly(2))
        assert (width, height) == (1280, 800)
        writer.close()
        _, beat = await session.relay.wait_for("heartbeat")
        assert beat["usage"]["processes"] >= 3, beat
        session.relay.command(type="exec", id="e1", command="echo $DISPLAY; exit 3", wait=True)
        _, ended = await session.relay.wait_for("exec_exited")
        assert (ended["id"], ended["exit_code"], ended["output"]) == ("e1", 3, body["display"] + "\n"), ended
        asked = time.monotonic()
        await docker("kill", "--signal", "TERM", session.name)
        exited, body = await session.relay.wait_for("exited")
        assert (body["exit_code"], body["signal"]) == (143, 15), body
        assert await session.exit_code() == 143
        print(f"  SIGTERM->exited {1000 * (exited - asked):.0f} ms (incl. docker kill)")


async def exit_code_and_log(bundle: str, bare: str, rich: str) -> None:
    """The command's own exit code and last words arrive, and stand in docker logs."""
    async with Session(bundle, bare, "echo good-bye; sleep 0.2; exit 7") as session:
        _, body = await session.relay.wait_for("exited")
        assert (body["exit_code"], body["signal"], body["log_tail"]) == (7, None, "good-bye\n"), body
        assert await session.exit_code() == 7
        assert "good-bye" in await session.logs()


async def not_found(bundle: str, bare: str, rich: str) -> None:
    """A missing command is named, in both forms."""
    for command in ("no-such-program --x", ["no-such-program"], "no-such-program; exit $?"):
        async with Session(bundle, bare, command) as session:
            _, body = await session.relay.wait_for("failed")
            assert body["reason"] == "CommandNotFound" and "no-such-program" in body["message"], body
            assert await session.exit_code() == 127


async def home_missing(bundle: str, bare: str, rich: str) -> None:
    """A home that is not there is a failure with advice."""
    async with Session(bundle, bare, "true", home="/home/nobody-there") as session:
        _, body = await session.relay.wait_for("failed")
        assert body["reason"] == "AgentFailed" and "/home/nobody-there" in body["message"], body
        assert await session.exit_code() == 72


async def relay_restarts(bundle: str, bare: str, rich: str) -> None:
    """The relay goes away and comes back: the session lives, streams are back."""
    async with Session(bundle, bare, "sleep 100") as session:
        await session.relay.wait_for("ready")
        await session.relay.stop()
        await asyncio.sleep(2)  # an outage, not a synchronisation
        session.relay.callbacks.clear()
        await session.relay.start()
        await session.relay.wait_for("heartbeat")
        async with session.relay.arrived:
            await asyncio.wait_for(session.relay.arrived.wait_for(lambda: session.relay.control), 10)
        session.relay.command(type="terminate", grace_seconds=1)
        _, body = await session.relay.wait_for("exited")
        assert body["exit_code"] == 143
        assert await session.exit_code() == 143


async def relay_missing(bundle: str, bare: str, rich: str) -> None:
    """No relay at all: the agent gives up by itself."""
    async with Session(bundle, bare, "sleep 100", relay_grace_seconds=1, deaf=True) as session:
        assert await session.exit_code() == 70
        assert "RelayUnreachable" in await session.logs()


async def x_dies(bundle: str, bare: str, rich: str) -> None:
    """Killing the X server ends the session with XServerFailed."""
    async with Session(bundle, bare, ["sleep", "100"]) as session:
        await session.relay.wait_for("ready")
        session.relay.command(
            type="exec", id="k", command="for p in /proc/[0-9]*; do read n < $p/comm; "
            'case $n in Xtigervnc) kill -9 ${p#/proc/};; esac; done',
        )  # fmt: skip
        _, body = await session.relay.wait_for("failed")
        assert body["reason"] == "XServerFailed", body
        print(f"  {body['message']}")
        assert await session.exit_code() == 71


async def leftovers_end(bundle: str, bare: str, rich: str) -> None:
    """Daemons that made a session of their own do not hold up the end."""
    async with Session(bundle, bare, "(setsid sleep 200 &) ; (sleep 300 &) ; sleep 0.3; exit 4") as session:
        began = time.monotonic()
        _, body = await session.relay.wait_for("exited")
        assert body["exit_code"] == 4
        assert await session.exit_code() == 4
        print(f"  ended {time.monotonic() - began:.2f} s after start")


async def applications(bundle: str, bare: str, rich: str) -> None:
    """xterm and OpenGL work, and a window's pixels reach the viewer."""
    async with Session(bundle, rich, ["xterm", "-e", "sleep 100"]) as session:
        began = session.began
        ready, _ = await session.relay.wait_for("ready")
        print(f"  docker run->ready {1000 * (ready - began):.0f} ms")
        session.relay.command(type="exec", id="g", wait=True, command=(
            "glxinfo -B | head -20; xlsfonts | wc -l; xlsfonts -fn fixed; xdpyinfo | grep -c GLX; xmodmap -pke | wc -l"))  # fmt: skip
        _, body = await session.relay.wait_for("exec_exited")
        print("    " + body["output"].replace("\n", "\n    "))
        session.relay.command(type="terminate", grace_seconds=3)
        await session.relay.wait_for("exited")
    async with Session(bundle, rich, "xterm -e yes; true") as session:
        await session.relay.wait_for("ready")
        reader, writer = await session.relay.open_display("pixels")
        await reader.readexactly(12)
        writer.write(b"RFB 003.008\n\x01\x01")
        await reader.readexactly(2 + 4 + 20)
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
        # Raw encoding, then the whole screen again and again until xterm has painted.
        writer.write(b"\x02\x00\x00\x01" + bytes(4))
        colours: set[bytes] = set()
        began = time.monotonic()
        frames = 0
        while (len(colours) < 2 or frames < 100) and time.monotonic() < began + 20:
            writer.write(b"\x03\x00" + bytes(4) + (1280).to_bytes(2) + (800).to_bytes(2))
            head = await reader.readexactly(1)
            assert head == b"\x00", head
            for _ in range(int.from_bytes((await reader.readexactly(3))[1:])):
                x, y, w, h, kind = struct.unpack(">HHHHi", await reader.readexactly(12))
                pixels = await reader.readexactly(w * h * 4)
                if frames < 5 or len(colours) < 2:
                    colours |= {pixels[i : i + 4] for i in range(0, len(pixels), 4)}
            frames += 1
        seconds = time.monotonic() - began
        print(f"  {len(colours)} colours; {frames} full frames in {seconds:.1f} s, {frames * 4.096 / seconds:.0f} MB/s")
        assert len(colours) > 1
        print("  " + await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", session.name))
    async with Session(bundle, rich, "timeout 6 glxgears") as session:
        _, body = await session.relay.wait_for("exited", 20)
        assert "FPS" in body["log_tail"], body
        print("    " + body["log_tail"].strip())


SCENARIOS = [sleep_until_terminated, exit_code_and_log, not_found, home_missing, relay_restarts,
             relay_missing, x_dies, leftovers_end, applications]  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--bare", default="")
    parser.add_argument("--rich", default="")
    parser.add_argument("scenario", nargs="*")
    arguments = parser.parse_args()
    for scenario in SCENARIOS:
        if arguments.scenario and scenario.__name__ not in arguments.scenario:
            continue
        if not (arguments.rich if scenario is applications else arguments.bare):
            continue
        print(scenario.__name__, flush=True)
        await scenario(arguments.bundle, arguments.bare, arguments.rich)
        print(f"ok {scenario.__name__}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
