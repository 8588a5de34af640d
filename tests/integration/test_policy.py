"""The host's policy, between a web server and the real engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.daemon import Daemon, running_daemon
from tests.support.engine import containers, docker
from tests.support.surroundings import Surroundings
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

CONFIG = {
    "policy": {
        "images": ["fx-sample"],
        "allow": ["host_ipc"],
        "most": {"memory": "300m"},
        "default": {"memory": "200m", "pids": 123},
    }
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def daemon(site: Surroundings) -> AsyncIterator[Daemon]:
    """One with rules of its own."""
    async with running_daemon(site, config=CONFIG) as running:
        yield running


def write(daemon: Daemon, name: str, *lines: str) -> None:
    """A template of the sample image."""
    head = f"image: {daemon.site.sample}\ncommand: ${{start.command:-xterm}}\n"
    daemon.write_template(name, head + "\n".join(lines) + "\n")


async def test_what_is_not_allowed_is_refused(web: WebServer, daemon: Daemon) -> None:
    """All of it at once, before there is a session."""
    write(daemon, "greedy", "privileged: true", "volumes: ['/etc:/host']", "mem_limit: 1g")
    refused = await web.post_start(template="greedy")
    assert refused.status == 403
    assert refused.body["code"] == "policy_violation"
    for key in ("policy.allow: privileged", "policy.mount_sources", "policy.most.memory"):
        assert key in refused.body["detail"], key
    assert await web.session_list() == []
    assert await containers("owner", daemon.owner) == []


async def test_an_image_that_is_not_allowed(web: WebServer, daemon: Daemon) -> None:
    """By its whole name."""
    daemon.write_template("other", f"image: {daemon.site.perl_base}\ncommand: xterm\n")
    refused = await web.post_start(template="other")
    assert (refused.status, refused.body["code"]) == (403, "image_not_allowed")


async def test_what_is_allowed_is_limited(web: WebServer, daemon: Daemon) -> None:
    """What the administrator has granted is there; what the template left open has limits."""
    write(daemon, "fair", "ipc: host", "working_dir: /")
    async with web.session(template="fair") as session:
        config = await docker(
            *("inspect", session["container_id"], "--format"),
            "{{.HostConfig.IpcMode}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} "
            "{{.HostConfig.SecurityOpt}}",
        )
        assert config.split()[:3] == ["host", str(200 << 20), "123"]
        assert "no-new-privileges:true" in config


async def test_a_users_directory_is_no_way_to_others_files(
    web: WebServer, daemon: Daemon, scratch: Path
) -> None:
    """The engine follows links as root, and a mount passes by the modes of what is above it.

    The way is not one that the daemon could look at: the home is 0700.
    """
    write(daemon, "fair", "ipc: host", "working_dir: /")
    async with web.session(template="fair") as neighbour:
        (scratch / "data").symlink_to(daemon.session_files(neighbour["id"]))
        if os.geteuid() == 0:
            os.lchown(scratch / "data", scratch.stat().st_uid, scratch.stat().st_gid)
        write(daemon, "below", f"volumes: ['{scratch}/data:/data']")
        refused = await web.post_start(template="below")
        assert (refused.status, refused.body["code"]) == (403, "policy_violation"), refused.text
        assert "where users can put a link to any place" in refused.body["detail"]
