"""The web server's socket knows its peers by the kernel's word."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.config import RelayConfig
from tests.unit.relay.conftest import config_in
from tests.unit.relay.test_lifetime import relay_at

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming others takes root")

ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
answer = b""
while chunk := s.recv(65536):
    answer += chunk
sys.stdout.write(answer.decode())
"""


async def ask_as(config: RelayConfig, uid: int, gid: int, groups: str) -> tuple[int, str]:
    """What a process of this user is answered: status and body."""
    options = ["--reuid", str(uid), "--regid", str(gid)]
    options += ["--groups", groups] if groups else ["--clear-groups"]
    python = os.path.realpath(sys.executable)
    asking = await asyncio.create_subprocess_exec(
        *("setpriv", *options, python, "-I", "-c", ASK, str(config.web_socket)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(asking.communicate(), 20)
    head, _, body = out.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("uid", "gid", "groups", "status"),
    [
        (0, 0, "", 200),
        (4001, 4001, "", 200),
        (4002, 5001, "", 200),
        (4002, 4002, "4003,5001", 200),
        (4002, 4002, "", 403),
        (4002, 0, "", 403),
        (5001, 4001, "4001", 403),
    ],
)
async def test_root_and_the_allowed_may_and_others_may_not(
    directory: Path, uid: int, gid: int, groups: str, status: int
) -> None:
    """By uid, by primary and by supplementary group; a group is not a user of that number."""
    config = replace(
        config_in(directory), allow_uids=frozenset({4001}), allow_gids=frozenset({5001})
    )
    relay = relay_at(config)
    await relay.start()
    try:
        answered, body = await ask_as(config, uid, gid, groups)
    finally:
        await relay.stop(1.0)
    assert answered == status
    if status == 403:
        assert json.loads(body)["code"] == "peer_not_allowed"


async def test_refusals_of_one_user_do_not_fill_the_log(directory: Path) -> None:
    """Once a minute for each user, however often they come."""
    relay = relay_at(config_in(directory))
    await relay.start()
    try:
        with capture_logs() as logs:
            for uid in (4001, 4001, 4002):
                assert (await ask_as(config_in(directory), uid, uid, ""))[0] == 403
    finally:
        await relay.stop(1.0)
    told = [entry["uid"] for entry in logs if entry["event"] == "peer_refused"]
    assert told == [4001, 4002]
