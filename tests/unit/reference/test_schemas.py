"""The schemas take what the supervisor takes, and refuse what is plainly wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from scripts.reference_lib.__main__ import TREE
from supervisor.config import load_config
from supervisor.errors import ConfigError
from supervisor.reference.schemas import SCHEMAS
from supervisor.template.errors import TemplateError
from supervisor.template.loader import load_template
from tests.unit.template.test_docker_tpl import EXAMPLES

VALIDATORS = {name: jsonschema.Draft7Validator(make()) for name, make in SCHEMAS.items()}
HEAD = "image: fx/x\n"


def parsed(text: str) -> Any:  # noqa: ANN401 whatever it is
    """As an editor has it."""
    return YAML(typ="safe", pure=True).load(text)


def faults(name: str, text: str) -> list[str]:
    """What an editor would underline."""
    return [fault.message for fault in VALIDATORS[name].iter_errors(parsed(text))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_they_are_schemas(name: str) -> None:
    """By the standard's own."""
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name]())


@pytest.mark.parametrize(
    ("name", "path"), [("config", "supervisor.yaml"), ("template", "docker.tpl")]
)
def test_what_is_shipped_is_valid_and_names_its_schema(name: str, path: str) -> None:
    """Where the package puts it."""
    text = (TREE / "templates" / path).read_text(encoding="utf-8")
    assert faults(name, text) == []
    header = f"# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/{name}.json\n"
    assert text.startswith(header)


def _stands_alone(example: str) -> bool:
    return not example.startswith(("#  ", "#image", "#network_mode"))


@pytest.mark.parametrize("example", [each for each in EXAMPLES if _stands_alone(each)])
def test_examples_in_docker_tpl_are_valid(example: str) -> None:
    """Each by itself."""
    text = "\n".join(line[1:] for line in example.splitlines())
    assert faults("template", HEAD + text) == []


TAKEN = [
    "title: ~\nparams: {a: {type: size, default: 2g, min: 512m}, b: {type: choice, choices: [x]}}",
    "session: {idle_timeout: none, lifetime: 8h, suspend: freeze, end: command}",
    "session: {end: windows, window_manager: none}",
    "session: {window_manager: '${extra.manager:-auto}'}",
    "session: {clipboard: '${extra.c:-both}', idle_timeout: '${extra.t:-1h}'}",
    "params: {t: {type: boolean, default: true}, c: {type: choice, choices: [{value: 1}]}}",
    "mem_limit: 2g\ncpus: 1.5\npids_limit: -1\nshm_size: 67108864\nmemswap_limit: -1",
    "mem_limit: ${extra.m}\ncpus: '${extra.c}'\nread_only: ${extra.r}\npids_limit: '${extra.p}'",
    "command: [xterm, -e, '${start.command:-}']",
    "command: exec ${start.command}",
    "volumes: ['${user.home}:/data:ro', {type: tmpfs, target: /t, tmpfs: {mode: '1777'}}]",
    "environment: [A=1, B]\nlabels: {a: 1}",
    "environment: {A: 1, B: , C: '${user.name}'}",
    "ports: [80, '8000-8010:80', {target: 80, published: 8080}]\nexpose: 80",
    "networks: [a, b]",
    "networks: {a: , b: {aliases: [c]}}",
    "ulimits: {nofile: 1024, core: {soft: 0, hard: -1}}",
    "gpus: all",
    "gpus: 2",
    "gpus: [{count: all}, {device_ids: ['0']}]",
    "devices: [/dev/dri, {source: /dev/a}]",
    "extra_hosts: {a: 192.0.2.1, b: [192.0.2.2]}",
    "tmpfs: /run",
    "healthcheck: {test: [CMD, 'true'], interval: 30s, retries: 3}",
    "pull_policy: if_not_present\ndns: 192.0.2.1",
    "privileged: 'true'\ninit: false",
    "host_config: {CpusetMems: '0'}\nx-anything: {at: [all]}",
    "deploy: {resources: {limits: {cpus: '0.5', memory: 50m}}}",
]


@pytest.mark.parametrize("text", TAKEN)
def test_templates_that_are_taken(text: str) -> None:
    """By both: an editor that complains where nothing is wrong is switched off."""
    load_template("t", Path("t.tpl"), (HEAD + text).encode())
    assert faults("template", HEAD + text) == []


WRONG_TEMPLATES = [
    "imagee: x",
    "mem_limit: [1]",
    "mem_limit: lots",
    "cpus: many",
    "privileged: perhaps",
    "volumes: /a:/b",
    "volumes: [{type: nfs, target: /a}]",
    "volumes: [{type: bind, source: /a}]",
    "volumes: [{type: bind, source: /a, target: /a, read: true}]",
    "session: {idle: 1h}",
    "session: {suspend: sleep}",
    "session: {end: never}",
    "session: {window_manager: openbox}",
    "session: {lifetime: soon}",
    "params: [a]",
    "params: {a: {type: text}}",
    "params: {a: {type: integer, min: low}}",
    "params: {a: {type: string, size: 3}}",
    "params: {A: {type: string}}",
    "restart: always",
    "geometry: big",
    "dpi: 1000",
    "command: {a: b}",
    "environment: text",
    "pull_policy: daily",
    "oom_score_adj: 2000",
    "ulimits: {nofile: {soft: 1}}",
    "healthcheck: {tests: a}",
    "deploy: {limits: {}}",
    "logging: {driver: [a]}",
    "tmpfs: {a: b}",
    "cgroup: both",
]


@pytest.mark.parametrize("text", WRONG_TEMPLATES)
def test_templates_that_are_wrong(text: str) -> None:
    """By both."""
    with pytest.raises(TemplateError):
        load_template("t", Path("t.tpl"), (HEAD + text).encode())
    assert faults("template", HEAD + text)


def test_an_image_is_required() -> None:
    """Nothing else is."""
    assert faults("template", "title: x")
    assert faults("template", HEAD) == []


WRONG_CONFIGS = [
    "nope: 1",
    "engine: {hosst: x}",
    "engine: {host: 1}",
    "engine: {request_timeout_seconds: -1}",
    "engine: [a]",
    "limits: {concurrent_starts: 0}",
    "limits: {max_sessions: many}",
    "identity: {min_uid: 0}",
    "policy: {allow: [everything]}",
    "policy: {most: {memory: lots}}",
    "policy: {images: debian}",
    "relay: {web: {allow_users: root}}",
    "relay: {viewer: {port: 65536}}",
    "relay: {webhook: {secret_files: [a, b, c]}}",
    "retention: {outbox_items: 1}",
    "log: {level: loud}",
    "[]",
]


@pytest.mark.parametrize("text", WRONG_CONFIGS)
def test_configurations_that_are_wrong(text: str, tmp_path: Path) -> None:
    """By both."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "c.yaml")
    assert faults("config", text)


def test_configurations_that_are_taken(tmp_path: Path) -> None:
    """By both, sizes as text too."""
    text = json.dumps({"policy": {"most": {"memory": "2g", "cpus": 1.5}, "allow": ["gpus"]}})
    (tmp_path / "c.yaml").write_text(text)
    load_config(tmp_path / "c.yaml")
    assert faults("config", text) == []
