"""One start: template and request in, container and rules out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from supervisor.engine.payload import container_body
from supervisor.lifecycle.session import (
    ClipboardPolicy,
    EndRule,
    StartRequest,
    SuspendMode,
    WindowManager,
)
from supervisor.template import ContainerSpec, TemplateError, TemplateValueError, render
from supervisor.template.schema.service import PullPolicy
from tests.unit.template.samples import CONTEXT, USER, load, rendered

ENTRYPOINTS = [
    ("command: a b", "a b"),
    ("command: [a, b c]", ("a", "b c")),
    ("entrypoint: [e, -x]\ncommand: [a, b]", ("e", "-x", "a", "b")),
    ("entrypoint: [e]\ncommand: a && b", ("e", "/bin/sh", "-c", "a && b")),
    ("entrypoint: e -x\ncommand: [a, b c]", "e -x a 'b c'"),
    ("entrypoint: e -x\ncommand: a && b", "e -x /bin/sh -c 'a && b'"),
    ("entrypoint: [e]", ("e", "/bin/sh", "-c", "xterm -e top")),
    ("labels: {}", "xterm -e top"),
    ("command: ${start.command} &", "xterm -e top &"),
    ("entrypoint: |\n  e -x\ncommand: [a]", "e -x a"),
]


@pytest.mark.parametrize(("keys", "command"), ENTRYPOINTS)
def test_entrypoint_goes_before_the_command(keys: str, command: str | tuple[str, ...]) -> None:
    """Lists are arguments, text is a command line, and a template may leave both to the user."""
    template = load(f"image: fx/x\n{keys}")
    asked = "xterm -e top" if template.uses_command else None
    session = render(template, StartRequest(user="alice", command=asked), CONTEXT)
    assert session.command == command
    assert (session.spec.entrypoint, session.spec.command) == ((), ())


def test_command_line_of_the_user_goes_in_as_it_is() -> None:
    """start.command is a command line; values beside it are quoted, defaults of it are not."""
    text = "image: fx/x\ncommand: ${start.command:-xterm -T ${user.gecos}} -n ${user.gecos}"
    assert rendered(text, command="a 'b' | c").command == "a 'b' | c -n 'Alice O'\"'\"'Hara'"
    assert rendered(text, command=None).command == (
        "xterm -T 'Alice O'\"'\"'Hara' -n 'Alice O'\"'\"'Hara'"
    )


def test_command_without_its_place_is_refused() -> None:
    """A user is told that the template runs a command of its own, rather than getting another."""
    with pytest.raises(TemplateValueError) as caught:
        rendered("image: fx/x\ncommand: xclock", command="xterm")
    assert [error.loc for error in caught.value.errors] == [("command",)]


def test_user_and_groups_are_the_users_own() -> None:
    """Without user: the container runs as the user, with every group and those of the template."""
    spec = rendered("image: fx/x\ngroup_add: [video, 44]").spec
    assert (spec.user, spec.group_add) == ("1000:1000", ("1000", "44", "video"))
    spec = rendered("image: fx/x\nuser: 5:6\ngroup_add: [video]").spec
    assert (spec.user, spec.group_add) == ("5:6", ("video",))


def test_request_beats_template() -> None:
    """Geometry, dpi and name come from the request, else from the template."""
    text = "image: fx/x\ntitle: T\ngeometry: 800x600\ndpi: 120"
    session = rendered(text)
    assert (session.geometry, session.dpi, session.name) == ("800x600", 120, "Terminal")
    session = rendered(text, geometry="1024x768", dpi=96, name="Mine")
    assert (session.geometry, session.dpi, session.name) == ("1024x768", 96, "Mine")
    nameless = replace(CONTEXT, session_name="")
    request = StartRequest(user="alice", command="xterm")
    assert render(load(text), request, nameless).name == "T"


@pytest.mark.parametrize(
    ("field", "value", "loc"),
    [
        ("geometry", "1x1", ("geometry",)),
        ("geometry", "1280X800", ("geometry",)),
        ("geometry", "１２８０x800", ("geometry",)),  # noqa: RUF001 digits, but not of ASCII
        ("geometry", "99999x800", ("geometry",)),
        ("geometry", "1280x800\n", ("geometry",)),
        ("dpi", 23, ("dpi",)),
        ("dpi", 601, ("dpi",)),
        ("name", "a\nb", ("name",)),
        ("name", "x" * 256, ("name",)),
        ("command", "a\0b", ("command",)),
        ("command", "x" * (32 * 1024 + 1), ("command",)),
        ("command", "\ud800", ("command",)),
        ("command", " ", ("command",)),
        ("extra", {"tmp dir": "x"}, ("extra", "tmp dir")),
        ("extra", {"tmp_dir": "\0"}, ("extra", "tmp_dir")),
    ],
)
def test_refused_request_names_its_field(field: str, value: Any, loc: tuple[str, ...]) -> None:  # noqa: ANN401
    """What the request got wrong is named by its place in the request."""
    with pytest.raises(TemplateValueError) as caught:
        rendered("image: fx/x", **{field: value})
    assert [error.loc for error in caught.value.errors] == [loc]


TYPED = """
image: fx/x
params:
  cores: {type: number, default: 1}
  size: {type: size, default: 64m}
  flag: {type: boolean, default: true}
  dir: {type: string, default: work}
cpus: ${start.params.cores}
mem_limit: ${start.params.size}
read_only: ${start.params.flag}
volumes: ["${user.home}/${start.params.dir}:/work"]
tmpfs: ["/run:size=${start.params.size},mode=755"]
host_config:
  CpuPeriod: ${start.params.size}
  X: x${start.params.size}
  Y: ${start.params.flag}
"""


def test_typed_leaves_take_the_values_type() -> None:
    """Numbers, sizes and booleans arrive as such, in raw sections too where they stand alone."""
    spec = rendered(TYPED).spec
    assert (spec.resources.nano_cpus, spec.resources.memory_bytes) == (10**9, 64 * 1024**2)
    assert spec.isolation.read_only is True
    assert spec.tmpfs == {"/run": "size=67108864,mode=755"}
    assert spec.raw_host_config == {"CpuPeriod": 67108864, "X": "x67108864", "Y": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cores", -1),
        ("size", "1m"),
        ("dir", "../../etc"),
        ("dir", ""),
        ("dir", "."),
        ("dir", "/etc"),
        ("dir", "a\nb"),
    ],
)
def test_value_that_does_not_fit_its_leaf_is_the_requests_fault(name: str, value: Any) -> None:  # noqa: ANN401
    """A value within its declaration may still not fit where it goes: param and place are named."""
    with pytest.raises(TemplateValueError, match=r"x\.tpl:\d+:\d+") as caught:
        rendered(TYPED, {name: value})
    assert {error.loc for error in caught.value.errors} == {("params", name)}


def test_option_of_a_tmpfs_cannot_bring_another() -> None:
    """A comma in a value is no separator of options."""
    text = (
        "image: fx/x\nparams: {m: {type: string, default: '755'}}\n"
        "tmpfs: ['/run:mode=${start.params.m}']"
    )
    with pytest.raises(TemplateValueError, match="comma"):
        rendered(text, {"m": "755,exec"})


def test_session_section_becomes_rules() -> None:
    """Durations are seconds, none is no limit, unset is the documented default."""
    rules = rendered(
        """
image: fx/x
params: {hours: {type: integer, default: 8}}
session:
  startup_timeout: 2m
  stop_grace_period: 5s
  idle_timeout: 1h30m
  disconnect_timeout: none
  lifetime: ${start.params.hours}h
  suspend: freeze
  clipboard: off
  end: windows
  window_manager: none
"""
    ).rules
    assert (rules.startup_seconds, rules.stop_grace_seconds) == (120, 5)
    assert (rules.idle_seconds, rules.disconnect_seconds, rules.lifetime_seconds) == (
        5400,
        None,
        28800,
    )
    assert rules.suspend is SuspendMode.FREEZE
    assert rules.clipboard is ClipboardPolicy.OFF
    assert rules.end is EndRule.WINDOWS
    assert rules.window_manager is WindowManager.NONE


def test_stop_grace_period_of_the_container_is_the_sessions() -> None:
    """The Compose key and the session's own say the same thing; either will do."""
    session = rendered("image: fx/x\nstop_grace_period: 1m30s")
    assert session.rules.stop_grace_seconds == session.spec.stop_grace_seconds == 90


def test_home_with_a_trailing_slash_is_a_home() -> None:
    """A passwd entry that ends in a slash makes no faulty path."""
    context = replace(CONTEXT, user=replace(USER, home="/home/alice/"))
    template = load("image: fx/x\nvolumes: ['${user.home}:${user.home}', '${user.home}/x:/x']")
    session = render(template, StartRequest(user="alice", command="x"), context)
    assert [mount.source for mount in session.spec.mounts] == ["/home/alice", "/home/alice/x"]


@pytest.mark.parametrize("home", ["/", "", "//"])
def test_root_is_nobodys_home(home: str) -> None:
    """A user whose home is the root directory does not get the host mounted."""
    context = replace(CONTEXT, user=replace(USER, home=home))
    template = load("image: fx/x\nvolumes: [{type: bind, source: '${user.home}', target: /h}]")
    with pytest.raises(TemplateValueError, match="needs a home directory") as caught:
        render(template, StartRequest(user="alice", command="x"), context)
    assert [error.loc for error in caught.value.errors] == [("user",)]
    plain = load("image: fx/x")
    assert render(plain, StartRequest(user="alice", command="x"), context).command == "x"


def test_specification_survives_json() -> None:
    """A specification written to the store and read back describes the same container."""
    text = """
image: fx/x
environment: {A: b, C: null}
volumes: ["${user.home}:/h:ro", "v:/v", {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: "1777"}}]
networks: {a: {aliases: [x], ipv4_address: 192.0.2.1}, b: {}}
gpus: all
ports: ["80:80"]
ulimits: {nofile: 10}
healthcheck: {test: [CMD, "true"], interval: 1s}
deploy: {placement: {constraints: [a == b], preferences: [{spread: node.id}]}}
host_config: {X: {y: [1, null, "z"]}}
"""
    spec = rendered(text).spec
    adapter = TypeAdapter(ContainerSpec)
    again = adapter.validate_json(adapter.dump_json(spec))
    assert again == spec
    assert container_body(again) == container_body(spec)


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("", PullPolicy.MISSING),
        ("pull_policy: missing", PullPolicy.MISSING),
        ("pull_policy: if_not_present", PullPolicy.MISSING),
        ("pull_policy: always", PullPolicy.ALWAYS),
        ("pull_policy: never", PullPolicy.NEVER),
        ("pull_policy: ${extra.pull:-never}", PullPolicy.NEVER),
    ],
)
def test_pull_policies(written: str, policy: PullPolicy) -> None:
    """Those of Compose that decide by what is on the machine; the spec says the same."""
    session = rendered(f"image: fx/x\n{written}")
    assert (session.pull_policy, session.spec.pull_policy) == (policy, policy)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("build", "do not build"),
        ("daily", "always to ask at every start"),
        ("weekly", "always to ask at every start"),
        ("every_12h", "always to ask at every start"),
        ("refresh", "always to ask at every start"),
        ("Always", "must be always, missing or never"),
        ("7", "must be always, missing or never"),
    ],
)
def test_other_pull_policies_are_refused(policy: str, why: str) -> None:
    """What else Compose accepts is named with what to write in its place."""
    with pytest.raises(TemplateError, match=f"x.tpl:2:14: pull_policy: .*{why}"):
        load(f"image: fx/x\npull_policy: {policy}")
