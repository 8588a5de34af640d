"""The portal as a service: started by an administrator, signed in to by the host's passwords."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.installation import CONFIG, SETTINGS, USER
from tests.support.machine import UNIT, CommandFailedError, Machine

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

PORTAL = "fx-portal.service"
PORTAL_CONFIG = "/etc/fastx/portal.yaml"
MOST_EXPOSURE = 1.5
PASSWORD = "of-this-host"
LET_IN = "relay: {web: {allow_users: [fastx-portal]}}\n"
"""As the package's own configuration says, which tests replace."""

# A browser without pages: signs in, then makes the call; prints both answers.
CALLS = """
import http.cookiejar, json, sys, urllib.error, urllib.request
origin = "http://127.0.0.1:8300"
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
def call(path, body=None):
    request = urllib.request.Request(origin + path)
    request.data = None if body is None else json.dumps(body).encode()
    request.add_header("Origin", origin)
    request.add_header("Content-Type", "application/json")
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    return [answer.status, json.loads(answer.read() or "null")]
path, body, then = json.loads(sys.argv[1])
print(json.dumps([call(path, body), call(then)]))
"""

TITLE = """
import json, urllib.request
print(json.load(urllib.request.urlopen("http://127.0.0.1:8300/api/sign-in"))["title"])
"""


@pytest_asyncio.fixture(loop_scope="session")
async def portal(service: Machine) -> AsyncIterator[Machine]:
    """The machine with daemon and portal at work, and a user with a password."""
    await service.write(CONFIG, SETTINGS + LET_IN)
    await service.run("systemctl", "reload", UNIT)
    await service.run("chpasswd", stdin=f"{USER}:{PASSWORD}\n".encode())
    await service.run("systemctl", "start", PORTAL)
    yield service
    await service.run("systemctl", "stop", PORTAL)
    await service.write(CONFIG, SETTINGS)
    await service.run("systemctl", "reload", UNIT)


async def calls(machine: Machine, path: str, body: object, then: str) -> list[Any]:
    """Two calls by one browser: a sign-in, and one that needs it; status and answer of each."""
    words = json.dumps([path, body, then])
    answers: list[Any] = json.loads(await machine.run("python3", "-c", CALLS, words))
    return answers


async def test_the_unit_is_in_order(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to complain of, and little of the host in sight, by systemd's own judgement."""
    assert await machine.run("systemd-analyze", "verify", PORTAL) == ""
    text = await machine.run("systemd-analyze", "security", "--no-pager", PORTAL)
    overall = float(text.rpartition("exposure level for")[2].split(":")[1].split()[0])
    with capsys.disabled():
        print(f"\nexposure of the portal {overall} (at most {MOST_EXPOSURE})")  # noqa: T201 the log's
    assert overall <= MOST_EXPOSURE


async def test_a_password_of_the_host_signs_in(portal: Machine) -> None:
    """By PAM for real, as an unprivileged user; the supervisor serves what comes of it."""
    path, wrong = "/api/sign-in", {"user": USER, "password": "of-another-host"}
    refused, after = await calls(portal, path, wrong, "/api/me")
    assert (refused[0], refused[1]["code"]) == (401, "sign_in_failed")
    assert after[0] == 401
    right = {"user": USER, "password": PASSWORD}
    (status, me), templates = await calls(portal, path, right, "/api/templates")
    assert (status, me["user"], me["administrator"]) == (200, USER, False)
    assert templates[0] == 200
    assert "docker" in [each["name"] for each in templates[1]["templates"]]
    properties = await portal.properties(PORTAL)
    processes = await portal.sh(f"ps -o user= -p {properties['MainPID']}")
    assert processes.split() == ["fastx-p+"] or processes.split() == ["fastx-portal"]


async def test_root_makes_a_link_that_signs_in(portal: Machine) -> None:
    """``fx-portal link``; what it leaves in the state is the portal's to use."""
    link = (await portal.run("fx-portal", "link", "--user", USER)).split()[-1]
    token = link.partition("#link=")[2]
    (status, me), again = await calls(
        portal, "/api/sign-in/link", {"token": token}, "/api/sessions"
    )
    assert (status, me["user"], again[0]) == (200, USER, 200)
    owners = await portal.sh("find /var/fastx/portal -printf '%u\\n' | sort -u")
    assert owners == "fastx-portal\n"


async def test_the_supervisor_may_be_away(portal: Machine) -> None:
    """The portal goes on, tells so, and serves again when it is back."""
    right = {"user": USER, "password": PASSWORD}
    await portal.run("systemctl", "stop", UNIT)
    (status, _), templates = await calls(portal, "/api/sign-in", right, "/api/templates")
    assert (status, templates[0]) == (200, 503)
    await portal.run("systemctl", "start", UNIT)

    async def served() -> bool:
        _, answer = await calls(portal, "/api/sign-in", right, "/api/templates")
        return bool(answer[0] == 200)

    await eventually(served, "templates are there")


async def test_a_killed_portal_is_started_again(portal: Machine) -> None:
    """By systemd, at once."""
    before = (await portal.properties(PORTAL))["MainPID"]
    await portal.run("kill", "-KILL", before)
    after = await portal.until_unit(PORTAL, ActiveState="active", NRestarts="1")
    assert after["MainPID"] != before


async def test_it_is_reloaded(portal: Machine) -> None:
    """The same process, which then calls itself otherwise; a broken file changes nothing."""
    shipped = await portal.run("cat", PORTAL_CONFIG)
    before = (await portal.properties(PORTAL))["MainPID"]

    async def reload(text: str) -> None:
        await portal.write(PORTAL_CONFIG, text)
        await portal.run("systemctl", "reload", PORTAL)

    try:
        await reload("sign_in: {title: Renamed}\n")
        await eventually(lambda: is_called(portal, "Renamed"), "it has another title")
        await reload("sign_in: {tittle: Broken}\n")
        fault = f"{PORTAL_CONFIG}:1:11: sign_in.tittle"

        async def said() -> bool:
            return fault in (await portal.properties(PORTAL))["StatusText"]

        await eventually(said, "the status says what is wrong")
        assert await is_called(portal, "Renamed")
    finally:
        await reload(shipped)
    await eventually(lambda: is_called(portal, "FastX"), "it is as it was")
    after = await portal.properties(PORTAL)
    assert (after["MainPID"], after["ActiveState"]) == (before, "active")


async def is_called(machine: Machine, title: str) -> bool:
    """Whether the sign-in's page says so."""
    told = await machine.run("python3", "-c", TITLE)
    return told.strip() == title


async def test_wrong_configuration_is_told_once(portal: Machine) -> None:
    """With its place; it stays down until it is mended."""
    shipped = await portal.run("cat", PORTAL_CONFIG)
    await portal.write(PORTAL_CONFIG, "listen:\n  prot: 8300\n")
    try:
        with pytest.raises(CommandFailedError, match="failed because"):
            await portal.run("systemctl", "restart", PORTAL)
        failed = await portal.until_unit(PORTAL, ActiveState="failed")
        assert (failed["ExecMainStatus"], failed["NRestarts"]) == ("78", "0")
        told = await portal.sh(f"systemctl status {PORTAL} || true")
        assert f"{PORTAL_CONFIG}:2:3: listen.prot" in told
    finally:
        await portal.write(PORTAL_CONFIG, shipped)
    await portal.run("systemctl", "start", PORTAL)
