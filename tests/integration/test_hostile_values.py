"""What users send arrives byte for byte, and is never read as anything but a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import inspect
from tests.support.eventually import eventually
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = [
    "${user.home}",
    "$${start.params.v0}",
    "$(id >/tmp/pwned)",
    "`id`",
    '"; rm -rf "$HOME',
    "'; touch /tmp/pwned; '",
    "two\nlines\n",
    "\ttab\rreturn\x1b[31m",
    "privileged: true\ncap_add: [ALL]",
    "- x\n- {a: b}",
    "!!python/object/apply:os.system [id]",
    "*alias",
    "&anchor x",
    "/etc:/mnt:rw",
    "--privileged",
    "a=b",
    "yes",
    "null",
    "0x10",
    "",
    " ",
    "\\",
    "%s%n",
    "жук 🐞 ñ e\u0301 \u202e",
    "../../../etc/shadow",
    "then",
    "#",
]

LISTED = """\
command:
  - perl
  - -e
  - >-
    use strict; my $$to = shift; open my $$f, ">", "$$to/new" or die;
    print $$f join("\\0", @ARGV, map {{ $$ENV{{"FX_V$$_"}} }} 0 .. $$#ARGV);
    close $$f; rename "$$to/new", "$$to/seen"; sleep 3600
  - ${{extra.directory}}
  - {listed}
"""

SHELL = """\
command: >-
  printf '%s\\0' {words} >${{extra.directory}}/new;
  mv ${{extra.directory}}/new ${{extra.directory}}/seen; sleep 3600
"""


def template(daemon: Daemon, command: str) -> str:
    """One param for each hostile value, all of them in the environment."""
    numbers = range(len(HOSTILE))
    return "\n".join(
        [
            f"image: {daemon.site.sample}",
            "volumes: ['${user.home}:${user.home}']",
            "cap_drop: [ALL]",
            "params:",
            *(f"  v{n}: {{type: string, required: true}}" for n in numbers),
            "environment:",
            *(f"  FX_V{n}: ${{start.params.v{n}}}" for n in numbers),
            "labels:",
            "  com.example.first: ${start.params.v8}",
            command,
        ]
    )


async def arrived(web: WebServer, name: str, scratch: Path) -> list[str]:
    """Start the template with all values; what its command found."""
    seen = scratch / "seen"
    params = {f"v{n}": value for n, value in enumerate(HOSTILE)}
    async with web.session(
        template=name, params=params, extra={"directory": str(scratch)}
    ) as session:
        await eventually(seen.exists, "the command wrote what it was given")
        container = await inspect(session["container_id"])
    assert session["params"] == params
    assert container["Config"]["Labels"]["com.example.first"] == HOSTILE[8]
    assert not container["HostConfig"]["Privileged"]
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["HostConfig"]["CapAdd"] is None
    return seen.read_bytes().decode().split("\0")


async def test_values_arrive_in_a_listed_command_and_in_the_environment(
    web: WebServer, daemon: Daemon, scratch: Path
) -> None:
    """Arguments and variables hold exactly what was sent; keys, mounts and flags do not change."""
    listed = "\n  - ".join(f"${{start.params.v{n}}}" for n in range(len(HOSTILE)))
    daemon.write_template("listed", template(daemon, LISTED.format(listed=listed)))
    assert await arrived(web, "listed", scratch) == [*HOSTILE, *HOSTILE]


async def test_values_arrive_as_single_words_of_a_shells_line(
    web: WebServer, daemon: Daemon, scratch: Path
) -> None:
    """Each value is one word of the line, and none of them is executed."""
    words = " ".join(f"${{start.params.v{n}}}" for n in range(len(HOSTILE)))
    daemon.write_template("shell", template(daemon, SHELL.format(words=words)))
    assert await arrived(web, "shell", scratch) == [*HOSTILE, ""]


async def test_a_hostile_name_is_only_a_name(web: WebServer) -> None:
    """The name of a session is shown as it was sent, and ends up nowhere else."""
    name = "${user.home} '\"; $(id) `id` <script> 🐞"
    ended = await web.ending_of(name=name, command="true")
    assert ended["name"] == name
    assert ended["reason"] == "CommandExited"


async def test_a_users_command_is_a_shells_line_of_their_own(web: WebServer) -> None:
    """Placeholders in a command are the user's text; what it may do is up to the container."""
    command = "echo '${user.uid}' \"$(id -un)\"; # ${host.name}"
    ended = await web.ending_of(command=command)
    log = await web.call("GET", f"/v1/sessions/{ended['id']}/log")
    assert log.text == f"${{user.uid}} {web.daemon.site.user}\n"
    assert ended["command"] == command
    assert json.dumps(ended["params"])
