"""Templates that administrators have written wrongly, and how they get to know."""

from __future__ import annotations

import re

import pytest

from tests.support.daemon import Daemon
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

FAULTY = {
    "malformed": ("image: a\ncommand: [xterm\nenvironment: }\n", "malformed.tpl:3:"),
    "twice": ("image: a\ncommand: xterm\nimage: b\n", "twice.tpl:3:1: "),
    "misspelt": ("image: a\ncommand: xterm\nmem_limits: 1g\n", "misspelt.tpl:3:1: "),
    "unresolvable": (
        "image: a\ncommand: xterm\nworking_dir: /x/${user.hoem}\n",
        "unresolvable.tpl:3:",
    ),
    "undeclared": (
        "image: a\ncommand: xterm\ncpus: ${start.params.cores}\n",
        "undeclared.tpl:3:",
    ),
    "wrong-type": ("image: a\ncommand: xterm\npids_limit: many\n", "wrong-type.tpl:3:"),
    "imageless": ("command: xterm\n", "imageless.tpl:1:"),
    "empty": ("", "empty.tpl:1:"),
    "binary": ("\x01\x02", "binary.tpl:1:"),
}


@pytest.mark.parametrize("name", FAULTY)
async def test_a_faulty_template_cannot_be_started(
    web: WebServer, daemon: Daemon, name: str
) -> None:
    """422 with file, line and column of each fault; it is not offered to users either."""
    text, place = FAULTY[name]
    path = daemon.write_template(name, text)
    try:
        answer = await web.post_start(template=name)
        assert (answer.status, answer.body["code"]) == (422, "template_invalid")
        assert place in answer.body["detail"]
        assert re.search(r"\.tpl:\d+:\d+: ", answer.body["detail"])
        offered = (await web.call("GET", "/v1/templates")).body["templates"]
        names = {template["name"] for template in offered}
        assert "docker" in names
        assert name not in names
        shown = await web.call("GET", f"/v1/templates/{name}")
        assert (shown.status, shown.body["code"]) == (422, "template_invalid")
    finally:
        path.unlink()


async def test_mending_a_template_needs_no_restart(web: WebServer, daemon: Daemon) -> None:
    """A file that is put right can be started from the next moment on."""
    path = daemon.write_template("mended", "image: x\ncommandd: true\n")
    try:
        assert (await web.post_start(template="mended")).status == 422
        path.write_text(f"image: {daemon.site.sample}\nworking_dir: /\ncommand: exit 4\n")
        assert (await web.ending_of(template="mended"))["exit_code"] == 4
    finally:
        path.unlink()
    assert (await web.post_start(template="mended")).status == 404


async def test_an_administrators_template_goes_before_the_shipped_one(
    web: WebServer, daemon: Daemon
) -> None:
    """A file of the same name replaces what came with the package, faults included."""
    path = daemon.write_template(
        "docker", f"image: {daemon.site.sample}\nworking_dir: /\ncommand: exit 6\n"
    )
    try:
        assert (await web.ending_of())["exit_code"] == 6
        path.write_text("image: [\n")
        assert (await web.post_start()).status == 422
    finally:
        path.unlink()


async def test_check_prints_every_fault(daemon: Daemon) -> None:
    """``fx-supervisor check`` exits 78 and has a line for each fault of each file."""
    paths = [daemon.write_template(name, text) for name, (text, _) in FAULTY.items()]
    try:
        code, output, complaint = await daemon.execute("fx-supervisor", "check")
    finally:
        for path in paths:
            path.unlink()
    assert code == 78
    assert output == ""
    assert [place for _, place in FAULTY.values() if place not in complaint] == []
    assert "Traceback" not in complaint


async def test_check_has_nothing_to_say_against_what_is_shipped(daemon: Daemon) -> None:
    """Exit code 0, and the templates there are."""
    code, output, complaint = await daemon.execute("fx-supervisor", "check")
    assert (code, complaint) == (0, "")
    assert "docker" in output


async def test_check_tells_where_the_configuration_is_wrong(daemon: Daemon) -> None:
    """File, line and column of an unknown key and of a wrong value, in one go."""
    path = daemon.directory / "wrong.yaml"
    path.write_text("log:\n  level: loud\nengin: {}\n")
    code, _, complaint = await daemon.execute("fx-supervisor", "check", "--config", str(path))
    assert code == 78
    assert f"{path}:2:3: " in complaint
    assert f"{path}:3:1: " in complaint


async def test_the_version_is_told(daemon: Daemon) -> None:
    """One line, exit code 0."""
    code, output, complaint = await daemon.execute("fx-supervisor", "version")
    assert (code, complaint) == (0, "")
    assert re.fullmatch(r"fx-supervisor \d+\.\d+\.\d+\S*\n", output)


async def test_wrong_usage_is_told(daemon: Daemon) -> None:
    """Exit code 2 and the usage."""
    code, _, complaint = await daemon.execute("fx-supervisor", "dance")
    assert code == 2
    assert "usage" in complaint
