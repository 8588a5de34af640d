"""Rendering without a daemon: what a start would send to the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from supervisor.config import load_config
from supervisor.ctl import local_render
from supervisor.host.identity import Group, Identity, IdentityPolicy
from supervisor.settings import Places, host_paths
from tests.unit.ctl.daemon import Result, fxctl

GIMP = """\
title: Gimp
image: example/gimp
command: gimp
environment: {API_TOKEN: hunter2, LANG: C.UTF-8}
params:
  label: {type: string, pattern: "[a-z0-9]+", default: none}
  cores: {type: integer, default: 2, max: 8}
labels: {label: "${start.params.label}"}
cpus: ${start.params.cores}
"""


async def _alice(name: str, _policy: IdentityPolicy) -> Identity:
    groups = (Group(name, 1234), Group("video", 44))
    return Identity(name, 1234, 1234, f"/home/{name}", "/bin/bash", "", groups)


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with an ordinary user, a configuration directory and a bundle."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "bundle.json").write_text('{"mounts": [{"source": "xkb", "target": "/xkb"}]}')
    (tmp_path / "supervisor.yaml").write_text(f"agent: {{bundle: {bundle}}}\n")
    (tmp_path / "launcher-templates").mkdir()
    (tmp_path / "launcher-templates" / "gimp.tpl").write_text(GIMP)
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("FX_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setattr(local_render, "look_up", _alice)
    return tmp_path


def render(*words: str) -> Result:
    """For alice."""
    return fxctl("render", "--user", "alice", *words)


def test_the_shipped_template_renders_for_an_ordinary_user(house: Path) -> None:
    """The whole body: image, user, mounts, limits, labels."""
    rendered = render("-c", "xterm -ls", "-p", "memory=3g")
    assert (rendered.code, rendered.err) == (0, "")
    body = json.loads(rendered.out)
    assert body["Image"] == "fx-sample:bookworm"
    assert body["User"] == "1234:1234"
    assert body["Entrypoint"] == ["/usr/bin/perl", "/opt/fastx/agent/bin/fx-session"]
    host = body["HostConfig"]
    assert host["Memory"] == 3 * 1024**3
    assert host["GroupAdd"] == ["44"]
    targets = {mount["Target"]: mount for mount in host["Mounts"]}
    assert targets["/xkb"]["Source"] == str(house / "bundle" / "xkb")
    assert targets["/etc/passwd"]["Source"] == str(
        house / "run" / "sessions" / local_render.PLACEHOLDER_ID / "passwd"
    )
    assert body["Labels"]["com.fastx.supervisor.user"] == "alice"


def test_secrets_are_masked_and_texts_stay_texts() -> None:
    """A value of a variable whose name looks secret is not printed; "4" is text for a text."""
    body = json.loads(render("-t", "gimp", "-p", "label=4", "-p", "cores=4").out)
    assert set(body["Env"]) >= {"API_TOKEN=********", "LANG=C.UTF-8"}
    assert body["Labels"]["label"] == "4"
    assert body["HostConfig"]["NanoCpus"] == 4_000_000_000


def test_the_request_is_judged_field_by_field() -> None:
    """Every field at once, exit code 4."""
    refused = render("-t", "gimp", "-p", "cores=many", "-p", "nope=1")
    assert refused.code == 4
    lines = refused.err.splitlines()
    assert lines[0] == "fxctl: 2 fields of the request are wrong:"
    assert "  params.cores: must be an integer" in lines
    assert any(line.startswith("  params.nope: is not a param") for line in lines)


def test_every_fault_of_the_template_is_printed(house: Path) -> None:
    """With file, line and column."""
    path = house / "launcher-templates" / "gimp.tpl"
    path.write_text("image: x\ncommand: y\nimagee: z\ncpus: many\n")
    refused = render("-t", "gimp")
    assert refused.code == 4
    assert f"{path}:3:1: imagee" in refused.err
    assert f"{path}:4:" in refused.err


def test_an_unknown_template_is_not_found() -> None:
    """Exit code 3, and which there are."""
    missing = render("-t", "none")
    assert missing.code == 3
    assert "docker, gimp" in missing.err


def test_a_user_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the host's own word, as at a start."""
    monkeypatch.undo()
    assert fxctl("render", "--user", "nobody-of-that-name").code == 4


def test_a_missing_bundle_is_worth_a_note(house: Path) -> None:
    """Templates are written on machines that have none."""
    other = house / "other.yaml"
    other.write_text("agent: {bundle: /nonexistent}\n")
    rendered = render("--config", str(other))
    assert rendered.code == 0
    assert rendered.err.startswith("fxctl: note: There is no usable X server bundle")
    assert json.loads(rendered.out)["Image"]


def test_a_faulty_configuration_is_named(house: Path) -> None:
    """File, line, column, as fx-supervisor check has it."""
    (house / "supervisor.yaml").write_text("agnet: {}\n")
    refused = render()
    assert refused.code == 1
    assert "supervisor.yaml:1:1: agnet" in refused.err


def test_a_terminal_has_colours_and_the_same_text(house: Path) -> None:
    """Highlighted there, and only there."""
    del house
    painted = fxctl("render", "--user", "alice", terminal=True)
    assert "\x1b[" in painted.out
    unpainted = fxctl("render", "--user", "alice", "--no-color", terminal=True)
    assert json.loads(unpainted.out) == json.loads(render().out)


def test_the_paths_are_the_daemons(house: Path) -> None:
    """What is mounted here is what the daemon mounts."""
    config = load_config(None)
    places = Places(config=house, local=house, run=house / "run")
    paths, notes = local_render._host_paths(config)
    assert paths == host_paths(config, places)
    assert notes == []
