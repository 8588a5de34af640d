"""``fx-supervisor check``: everything that is wrong, in plain words, before anybody meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.check import check


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory with nothing in it."""
    (tmp_path / "launcher-templates").mkdir()
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], directory: Path) -> list[str]:
    """What it printed, without the directory."""
    written = capsys.readouterr()
    return (written.err + written.out).replace(f"{directory}/", "").splitlines()


WRONG = """\
nope: 1
engine: {request_timeout_seconds: -1, hosst: x}
log:
  level: warn
limits:
  max_sessions: many
  concurrent_starts: 1.5
relay:
  web:
    allow_users:
      - [a]
  viewer: {port: 65536}
  webhook: {secret_files: [a, b, c]}
policy: {allow: [privilege], most: {memory: lots}, images: x}
retention: []
agent: {bundle: 5}
"""
FAULTS = [
    "supervisor.yaml:1:1: nope: unknown key",
    "supervisor.yaml:2:10: engine.request_timeout_seconds: must be greater than 0",
    "supervisor.yaml:2:39: engine.hosst: unknown key; did you mean host?",
    "supervisor.yaml:4:3: log.level: must be debug, info, warning or error; did you mean warning?",
    "supervisor.yaml:6:3: limits.max_sessions: must be a whole number",
    "supervisor.yaml:7:3: limits.concurrent_starts: must be a whole number",
    "supervisor.yaml:11:9: relay.web.allow_users.0: must be text",
    "supervisor.yaml:12:12: relay.viewer.port: must be 65535 or less",
    "supervisor.yaml:13:13: relay.webhook.secret_files: too many entries: 2 at most, not 3",
    (
        "supervisor.yaml:14:18: policy.allow.0: must be privileged, host_network, host_pid, "
        "host_ipc, host_uts, host_userns, host_cgroup, other_containers, other_user, "
        "new_privileges, unconfined, cgroup_parent, oom_exempt, gpus, user_sources or raw; "
        "did you mean privileged?"
    ),
    (
        'supervisor.yaml:14:37: policy.most.memory: must be a size such as "512m" or "2g", '
        "not 'lots'"
    ),
    "supervisor.yaml:14:52: policy.images: must be a list",
    "supervisor.yaml:15:1: retention: must be a mapping of keys to values",
    "supervisor.yaml:16:9: agent.bundle: must be a path",
    "launcher-templates/own.tpl:2:1: mem_limitt: unknown key; did you mean mem_limit?",
    (
        "launcher-templates/own.tpl:3:11: session.idle_timeoutt: unknown key; "
        "did you mean idle_timeout?"
    ),
    "16 faults.",
]


def test_all_faults_in_order(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the configuration first, line by line, then of each template."""
    (directory / "supervisor.yaml").write_text(WRONG)
    (directory / "launcher-templates" / "own.tpl").write_text(
        "image: fx/x\nmem_limitt: 1g\nsession: {idle_timeoutt: 1h}\n"
    )
    assert check(None) == 78
    assert told(capsys, directory) == FAULTS


def test_what_the_policy_will_refuse_is_a_note(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The template is right in itself, and no daemon need be told."""
    templates = directory / "launcher-templates"
    (directory / "supervisor.yaml").write_text("policy: {images: [fx/*, fx-*]}\n")
    (templates / "bare.tpl").write_text("image: fx/x\nprivileged: true\n")
    (templates / "foreign.tpl").write_text("image: other/x\n")
    (templates / "fine.tpl").write_text("image: fx/x\n")
    (templates / "asks.tpl").write_text("image: fx/x\nhostname: '${extra.name}'\n")
    assert check(None) == 0
    *notes, last = [line for line in told(capsys, directory) if "X server bundle" not in line]
    bare, foreign = notes
    assert bare.startswith("note: launcher-templates/bare.tpl: starts will be refused. ")
    assert "[policy.allow: privileged]" in bare
    assert foreign.startswith("note: launcher-templates/foreign.tpl: starts will be refused. ")
    assert "policy.images" in foreign
    assert last.endswith("(asks, bare, browser, docker, fine, foreign, opengl, terminal, xfce).")


def test_a_key_given_twice(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of which nobody could say which one holds."""
    (directory / "supervisor.yaml").write_text("log: {level: info}\nlog: {level: debug}\n")
    (directory / "launcher-templates" / "own.tpl").write_text("image: fx/x\nimage: fx/y\n")
    assert check(None) == 78
    first, second, _ = told(capsys, directory)
    assert first.startswith("supervisor.yaml:2:1: ")
    assert second.startswith("launcher-templates/own.tpl:2:1: ")


def test_users_who_are_not_on_this_host(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of them, by name; not only the first."""
    (directory / "supervisor.yaml").write_text(
        "relay: {web: {allow_users: [no-such-user, root, nor-this-one]}}\n"
    )
    assert check(None) == 78
    assert [line for line in told(capsys, directory) if not line.startswith("note:")] == [
        "relay.web.allow_users: user 'no-such-user' is not known on this host (getent)",
        "relay.web.allow_users: user 'nor-this-one' is not known on this host (getent)",
        "2 faults.",
    ]


def test_a_trail_that_cannot_be_written(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Worth a note: the daemon would start, and record nothing."""
    (directory / "supervisor.yaml").write_text(f"audit: {{path: {directory}/none/audit.log}}\n")
    assert check(None) == 0
    trail = "note: audit.path: there is no directory none; sessions go on unrecorded."
    assert trail in told(capsys, directory)


def test_a_template_by_another_suffix(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Worth a note: who wrote it waits for it to appear."""
    (directory / "launcher-templates" / "gimp.yaml").write_text("image: x\n")
    assert check(None) == 0
    name = "launcher-templates/gimp.yaml"
    assert f"note: {name} is not read: a template's file ends in .tpl." in told(capsys, directory)
