"""``fxctl doctor``: each judgement by facts, the page, the deadline, and that all is documented."""

from __future__ import annotations

import asyncio
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.ctl.doctor import examination
from supervisor.ctl.doctor import judge_daemon as daemon
from supervisor.ctl.doctor import judge_engine as engine
from supervisor.ctl.doctor import judge_files as files
from supervisor.ctl.doctor import judge_setup as setup
from supervisor.ctl.doctor.checks import CHECKS, Check
from supervisor.ctl.doctor.examination import Question, Result, examine
from supervisor.ctl.doctor.finding import (
    Finding,
    UnknownFactError,
    Verdict,
    bad,
    doubtful,
    good,
    unknown,
)
from supervisor.ctl.doctor.gather_files import config_entries
from supervisor.ctl.doctor.page import page_lines, results_document
from supervisor.ctl.doctor.scene import Places, Scene, on_thread
from supervisor.ctl.errors import ProblemError, SocketDeniedError, UnreachableError
from supervisor.errors import EngineDeniedError, EngineUnreachableError

INFO: dict[str, Any] = {
    "ServerVersion": "20.10.24",
    "MemoryLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
    "SwapLimit": True,
    "CgroupDriver": "systemd",
    "CgroupVersion": "2",
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=default"],
    "Driver": "overlay2",
    "IPv4Forwarding": True,
    "LiveRestoreEnabled": False,
}
LIMITED = {"HostConfig": {"Memory": 1, "PidsLimit": 1, "NanoCpus": 1}}
ACCESS = engine.SocketAccess(
    path="/var/run/docker.sock",
    mode=0o660,
    uid=0,
    gid=7,
    group="docker",
    daemon_user="fastx",
    daemon_uid=900,
    account_gids=frozenset({900, 7}),
    process_gids=frozenset({900, 7}),
)
NODE: dict[str, Any] = {
    "ready": True,
    "version": "1",
    "engine": {"reachable": True},
    "web_server": {"streams": 1, "last_seen_at": "2026-01-01T00:00:00.000Z"},
}
HOME = files.Home(
    path=Path("/home/alice"),
    user="alice",
    uid=1000,
    mode=stat.S_IFDIR | 0o700,
    owner_uid=1000,
    file_system="nfs4",
)
BUNDLE = files.BundleFacts(
    path=Path("/b"), version="1", architecture="amd64", machine="amd64", missing=()
)
IMAGE = setup.TemplateImage(
    template="docker", image="debian", pull_policy="missing", image_id="sha256:1", has_perl=True
)
SHIPPED = setup.TemplateImage(template="xfce", image="fx-xfce", pull_policy="missing", shipped=True)
UNIT = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
RUN = files.Entry(path=Path("/run/fx"), mode=0o755, uid=900, owner="fastx")


def info(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 JSON
    """A good engine's, but for this."""
    return {**INFO, **changed}


def owned(*entries: files.Entry) -> files.Owned:
    """By a daemon that runs as user 900."""
    return files.Owned(
        entries=entries,
        private=frozenset({Path("/run/fx/sessions")}),
        daemon_user="fastx",
        daemon_uid=900,
    )


def disk(free_bytes: int, free_inodes: int | None = 100_000) -> files.Disk:
    """With so much left."""
    return files.Disk(
        path=Path("/d"), free_bytes=free_bytes, total_bytes=10**12, free_inodes=free_inodes
    )


OK, WARNING, FAULT, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAULT, Verdict.SKIPPED
AWAY, DENIED = EngineUnreachableError("no"), EngineDeniedError("no")

JUDGEMENTS: list[tuple[Verdict, Finding]] = [
    (OK, engine.judge_engine(engine.EngineReach("unix:///s", "1"))),
    (FAULT, engine.judge_engine(engine.EngineReach("unix:///s", "", AWAY))),
    (FAULT, engine.judge_engine(engine.EngineReach("unix:///s", "", DENIED))),
    (SKIPPED, engine.judge_engine(engine.EngineReach("u", "", DENIED, needs_access=False))),
    (OK, engine.judge_access(None)),
    (OK, engine.judge_access(ACCESS)),
    (OK, engine.judge_access(replace(ACCESS, account_gids=frozenset({900})))),
    (OK, engine.judge_access(replace(ACCESS, process_gids=None))),
    (OK, engine.judge_access(replace(ACCESS, account_gids=frozenset(), daemon_uid=0))),
    (FAULT, engine.judge_access(replace(ACCESS, process_gids=frozenset({900})))),
    (FAULT, engine.judge_access(replace(ACCESS, mode=0o640))),
    (
        FAULT,
        engine.judge_access(replace(ACCESS, account_gids=frozenset(), process_gids=None)),
    ),
    (OK, engine.judge_version({"Version": "20.10", "ApiVersion": "1.41"})),
    (OK, engine.judge_version({"Version": "99", "ApiVersion": "1.100"})),
    (FAULT, engine.judge_version({"Version": "19.03", "ApiVersion": "1.40"})),
    (FAULT, engine.judge_version({})),
    (OK, engine.judge_limits(engine.Trial(INFO))),
    (OK, engine.judge_limits(engine.Trial(INFO, (), LIMITED))),
    (FAULT, engine.judge_limits(engine.Trial(info(MemoryLimit=False)))),
    (FAULT, engine.judge_limits(engine.Trial(info(PidsLimit=False)))),
    (FAULT, engine.judge_limits(engine.Trial(info(CpuCfsQuota=False)))),
    (FAULT, engine.judge_limits(engine.Trial(info(CgroupDriver="none")))),
    (FAULT, engine.judge_limits(engine.Trial(INFO, (), {"HostConfig": {"Memory": 1}}))),
    (WARNING, engine.judge_limits(engine.Trial(info(SwapLimit=False)))),
    (OK, engine.judge_namespaces(INFO)),
    (FAULT, engine.judge_namespaces(info(SecurityOptions=["name=userns"]))),
    (FAULT, engine.judge_namespaces(info(SecurityOptions=["name=rootless"]))),
    (OK, engine.judge_confinement(INFO)),
    (WARNING, engine.judge_confinement(info(SecurityOptions=None))),
    (OK, engine.judge_live_restore(INFO)),
    (WARNING, engine.judge_live_restore(info(LiveRestoreEnabled=True))),
    (OK, engine.judge_live_restore(info(LiveRestoreEnabled=True, ServerVersion="24.0.8"))),
    (OK, engine.judge_storage(INFO)),
    (WARNING, engine.judge_storage(info(Driver="vfs"))),
    (OK, engine.judge_forwarding(INFO)),
    (WARNING, engine.judge_forwarding(info(IPv4Forwarding=False))),
    (OK, engine.judge_clock(-5.0)),
    (FAULT, engine.judge_clock(5.1)),
    (FAULT, engine.judge_clock(-5.1)),
    (OK, engine.judge_networks({"bridge": 899}, 1000)),
    (WARNING, engine.judge_networks({"bridge": 900}, None)),
    (FAULT, engine.judge_networks({"bridge": 1000}, None)),
    (WARNING, engine.judge_networks({}, 1001)),
    (OK, files.judge_owned(owned(RUN))),
    (FAULT, files.judge_owned(owned(replace(RUN, uid=0, owner="root")))),
    (FAULT, files.judge_owned(owned(replace(RUN, mode=0o757)))),
    (
        FAULT,
        files.judge_owned(owned(RUN, replace(RUN, path=Path("/run/fx/sessions"), mode=0o750))),
    ),
    (OK, files.judge_config_files((RUN,))),
    (FAULT, files.judge_config_files((RUN, replace(RUN, mode=0o666)))),
    (OK, files.judge_disk(disk(400), 100, "cure")),
    (WARNING, files.judge_disk(disk(399), 100, "cure")),
    (FAULT, files.judge_disk(disk(99), 100, "cure")),
    (FAULT, files.judge_disk(disk(400, 0), 100, "cure")),
    (WARNING, files.judge_disk(disk(400, 999), 100, "cure")),
    (OK, files.judge_disk(disk(400, None), 100, "cure")),
    (OK, files.judge_bundle(BUNDLE)),
    (FAULT, files.judge_bundle(replace(BUNDLE, error="gone"))),
    (FAULT, files.judge_bundle(replace(BUNDLE, missing=("bin/Xtigervnc", "lib/x")))),
    (OK, files.judge_bundle_architecture(BUNDLE, "arm64", "amd64")),
    (OK, files.judge_bundle_architecture(BUNDLE, "amd64", None)),
    (FAULT, files.judge_bundle_architecture(BUNDLE, "amd64", "arm64")),
    (FAULT, files.judge_bundle_architecture(replace(BUNDLE, machine="arm64"), "amd64", None)),
    (FAULT, files.judge_bundle_architecture(replace(BUNDLE, machine=""), "amd64", None)),
    (OK, files.judge_home(HOME)),
    (FAULT, files.judge_home(replace(HOME, mode=None))),
    (FAULT, files.judge_home(replace(HOME, mode=stat.S_IFREG | 0o700))),
    (FAULT, files.judge_home(replace(HOME, owner_uid=0))),
    (FAULT, files.judge_home(replace(HOME, mode=stat.S_IFDIR | 0o600))),
    (OK, files.judge_home_mount(HOME, "")),
    (FAULT, files.judge_home_mount(HOME, "bind source path does not exist")),
    (OK, setup.judge_config((), "f")),
    (FAULT, setup.judge_config(("f:1:1: no", "f:2:1: no"), "f")),
    (OK, setup.judge_currency(1.0, 2.0)),
    (OK, setup.judge_currency(None, 2.0)),
    (OK, setup.judge_currency(2.0007, 2.0)),
    (WARNING, setup.judge_currency(3.0, 2.0)),
    (WARNING, setup.judge_currency(1.0, 2.0, ["engine.host"])),
    (OK, setup.judge_policy(["gpus"], ["/home"])),
    (WARNING, setup.judge_policy(["privileged"], ["/home"])),
    (WARNING, setup.judge_policy([], ["/"])),
    (OK, setup.judge_secrets([])),
    (OK, setup.judge_secrets([setup.Secret("/s")])),
    (WARNING, setup.judge_secrets([setup.Secret("/s", readable_by_all=True)])),
    (FAULT, setup.judge_secrets([setup.Secret("/s", readable_by_daemon=False)])),
    (FAULT, setup.judge_secrets([setup.Secret("/s", fault="no secret")])),
    (OK, setup.judge_templates((), ("docker",))),
    (FAULT, setup.judge_templates((), ())),
    (FAULT, setup.judge_templates(("f:1:1: no",), ("docker",))),
    (OK, setup.judge_refusals([])),
    (FAULT, setup.judge_refusals([setup.Refusal(template="t", reason="no")])),
    (OK, setup.judge_refusals([setup.Refusal(template="t", reason="no", shipped=True)])),
    (OK, setup.judge_images([IMAGE])),
    (OK, setup.judge_images([IMAGE, SHIPPED])),
    (WARNING, setup.judge_images([IMAGE, replace(SHIPPED, shipped=False)])),
    (WARNING, setup.judge_images([SHIPPED])),
    (WARNING, setup.judge_images([replace(IMAGE, image_id=None)])),
    (FAULT, setup.judge_images([replace(IMAGE, image_id=None, pull_policy="never")])),
    (OK, setup.judge_perl([IMAGE])),
    (FAULT, setup.judge_perl([replace(IMAGE, has_perl=False)])),
    (SKIPPED, setup.judge_perl([replace(IMAGE, has_perl=None)])),
    (OK, setup.judge_user("alice", "", {"users": True, "docker": False})),
    (FAULT, setup.judge_user("alice", "unknown", {})),
    (OK, daemon.judge_daemon(None, "/s")),
    (FAULT, daemon.judge_daemon(UnreachableError("no"), "/s")),
    (SKIPPED, daemon.judge_daemon(SocketDeniedError("no"), "/s")),
    (SKIPPED, daemon.judge_daemon(ProblemError(403, {}), "/s")),
    (FAULT, daemon.judge_daemon(ProblemError(500, {}), "/s")),
    (OK, daemon.judge_ready(NODE, engine_answers_us=True)),
    (FAULT, daemon.judge_ready({**NODE, "ready": False}, engine_answers_us=True)),
    (
        SKIPPED,
        daemon.judge_ready({"ready": False, "engine": {"reachable": False}}, False),  # noqa: FBT003
    ),
    (
        FAULT,
        daemon.judge_ready({"ready": False, "engine": {"reachable": False}}, True),  # noqa: FBT003
    ),
    (OK, daemon.judge_version(NODE, "1")),
    (WARNING, daemon.judge_version(NODE, "2")),
    (OK, daemon.judge_web_server(NODE)),
    (OK, daemon.judge_web_server({"webhook": {"last_delivered_at": "2026-01-01"}})),
    (WARNING, daemon.judge_web_server({"web_server": {"streams": 0, "last_seen_at": None}})),
    (WARNING, daemon.judge_web_server({"web_server": {"streams": 0, "last_seen_at": "then"}})),
    (OK, daemon.judge_webhook({})),
    (OK, daemon.judge_webhook({"webhook": {"state": "delivering"}})),
    (WARNING, daemon.judge_webhook({"webhook": {"state": "failing", "message": "410"}})),
    (OK, daemon.judge_audit({"audit": {"records_lost": 0, "error": None}})),
    (WARNING, daemon.judge_audit({"audit": {"records_lost": 3, "error": None}})),
    (FAULT, daemon.judge_audit({"audit": {"records_lost": 3, "error": "No space left"}})),
    (OK, daemon.judge_orphans({"orphans": []})),
    (WARNING, daemon.judge_orphans({"orphans": [{}], "drift": [{}]})),
    (OK, daemon.judge_service(None)),
    (OK, daemon.judge_service(UNIT)),
    (WARNING, daemon.judge_service({"LoadState": "not-found"})),
    (FAULT, daemon.judge_service({**UNIT, "ActiveState": "failed", "Result": "exit-code"})),
    (WARNING, daemon.judge_service({**UNIT, "UnitFileState": "disabled"})),
    (WARNING, daemon.judge_service({**UNIT, "NRestarts": "4"})),
    (OK, daemon.judge_processes(32768, None)),
    (WARNING, daemon.judge_processes(32768, 1000)),
    (OK, daemon.judge_descriptors(None, 10_000)),
    (WARNING, daemon.judge_descriptors(1023, None)),
    (WARNING, daemon.judge_descriptors(1024, 200)),
    (OK, daemon.judge_inotify(128)),
    (WARNING, daemon.judge_inotify(127)),
]


@pytest.mark.parametrize(("verdict", "finding"), JUDGEMENTS)
def test_facts_are_judged(verdict: Verdict, finding: Finding) -> None:
    """What is not well comes with what to do about it; what is well needs nothing."""
    assert finding.verdict is verdict, finding
    assert finding.found
    assert bool(finding.advice) == (verdict in {WARNING, FAULT})


def test_root_squash_is_explained_where_it_can_be() -> None:
    """On NFS, and only there."""
    refusal = "bind source path does not exist"
    assert "root_squash" in files.judge_home_mount(HOME, refusal).advice
    local = replace(HOME, file_system="ext4")
    assert "root_squash" not in files.judge_home_mount(local, refusal).advice


def test_every_check_is_documented_and_every_documented_one_is_there() -> None:
    """Each with its meaning and its cure."""
    text = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == [check.name for check in CHECKS]


PAGE = [
    Result(Check("one", "First", "", lambda _: never()), good("All is well.")),
    Result(
        Check("two", "First", "", lambda _: never()),
        bad(
            "\x1b[31mIt is \n broken in so many ways that it takes two lines to say so.", "Mend it."
        ),
    ),
    Result(Check("three", "Second", "", lambda _: never()), doubtful("Hm.", "Look.")),
    Result(Check("four", "Second", "", lambda _: never()), unknown("Not known.")),
]


async def never() -> Finding:
    """Wait for what does not come."""
    await asyncio.Event().wait()
    raise AssertionError


def test_the_page_fits_and_can_be_shown_anywhere() -> None:
    """80 columns, signs with words, nothing that has power over the terminal."""
    lines = [line.plain for line in page_lines(PAGE, 80, ascii_only=True)]
    text = "\n".join(lines)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, lines)) <= 80
    assert lines[0] == "First"
    assert lines[1].split() == ["+", "one", "All", "is", "well."]
    assert lines[2].split()[:3] == ["X", "two", "FAULT:"]
    assert "-> Mend it." in text
    assert "!  three                warning: Hm." in text
    assert lines[-1] == "4 checks, 1 fault, 1 warning, 1 not known."
    assert "✗  two" in "\n".join(line.plain for line in page_lines(PAGE, 80, ascii_only=False))
    assert results_document(PAGE)["summary"] == {"ok": 1, "warning": 1, "fault": 1, "skipped": 1}


async def test_what_hangs_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that never answers, one that breaks, and one whose facts are not there."""
    monkeypatch.setattr(examination, "CHECK_SECONDS", 0.05)

    async def breaks(_scene: Scene) -> Finding:
        raise ZeroDivisionError

    async def lacks(_scene: Scene) -> Finding:
        message = "nobody knows"
        raise UnknownFactError(message)

    async def closed(_scene: Scene) -> Finding:
        return await on_thread(lambda: good((tmp_path / "secret").read_text()))

    async def fine(_scene: Scene) -> Finding:
        return await on_thread(lambda: good("fine"))

    bodies = {"hangs": lambda _: never(), "breaks": breaks, "lacks": lacks, "fine": fine}
    checks = [Check(name, "", "", body) for name, body in (*bodies.items(), ("absent", closed))]
    question = Question(socket=tmp_path / "web.sock", config_file=None, user=None, checks=checks)
    told: list[list[str]] = []
    async with asyncio.timeout(10):
        results = await examine(question, lambda waiting: told.append(list(waiting)))
    assert {result.check.name: result.finding.verdict for result in results} == {
        "hangs": FAULT,
        "breaks": WARNING,
        "lacks": SKIPPED,
        "fine": OK,
        "absent": WARNING,
    }
    assert told[-1] == []


def test_a_template_that_was_taken_away_is_no_file_to_guard(tmp_path: Path) -> None:
    """Everybody may write to /dev/null, which the administrator's link leads to."""
    templates = tmp_path / "launcher-templates"
    templates.mkdir()
    (templates / "opengl.tpl").symlink_to("/dev/null")
    file = tmp_path / "supervisor.yaml"
    places = Places(config_file=file, config=tmp_path, local=file, run=file, socket=file)
    assert [each.path for each in config_entries(Scene(places, None))] == [tmp_path, templates]
