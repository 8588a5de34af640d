"""The shipped docker.tpl: what it renders to, and that its examples are true."""

from __future__ import annotations

import re

import pytest

from supervisor.engine.payload import container_body
from supervisor.template.catalog import SHIPPED
from tests.unit.template.samples import faults, rendered

TEXT = (SHIPPED / "docker.tpl").read_text(encoding="utf-8")


def _examples() -> list[str]:
    """Give each commented example: a key with the indented lines below it, or an indented line."""
    found: list[list[str]] = []
    lines = TEXT.splitlines()
    for index, line in enumerate(lines):
        if re.match(r"#[a-z_]+:", line):
            found.append([line])
        elif re.match(r"#  [^ ]", line):
            inside = re.match(r"#[a-z_]+:$|#  [^ ]", lines[index - 1])
            if inside and found and re.match(r"#[a-z_]+:$", found[-1][0]):
                found[-1].append(line)
            else:
                found.append([line])
    return ["\n".join(example) for example in found]


EXAMPLES = _examples()


def test_renders_to_a_confined_container() -> None:
    """As shipped: the user's own ids, HOME and nothing else mounted, no privileges, limits set."""
    session = rendered(TEXT, command=None)
    body = container_body(session.spec)
    assert session.command == "xterm"
    assert body["User"] == "1000:1000"
    assert body["Image"] == "fx-sample:bookworm"
    host = body["HostConfig"]
    assert host["Mounts"] == [{"Type": "bind", "Source": "/home/alice", "Target": "/home/alice"}]
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges:true"])
    assert (host["NanoCpus"], host["Memory"], host["PidsLimit"]) == (10**9, 2 * 1024**3, 512)
    assert (host["AutoRemove"], host["Init"], host["NetworkMode"]) == (True, True, "bridge")
    log = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
    assert host["LogConfig"] == log, "no session can fill the disk by talking"
    assert "Binds" not in host
    assert "Privileged" not in host


def test_params_reach_their_limits() -> None:
    """What the user chooses for memory and cores is what the engine is told."""
    host = container_body(rendered(TEXT, {"memory": "4g", "cores": 0.5}).spec)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (4 * 1024**3, 500_000_000)


def test_there_are_examples() -> None:
    """The finder of examples finds them."""
    assert len(EXAMPLES) > 30


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split(":")[0])
def test_commented_example_is_valid(example: str) -> None:
    """Taking the comment sign away from an example gives a template without faults."""
    text = TEXT.replace(example, "\n".join(line[1:] for line in example.splitlines()))
    if "networks:" in example:
        text = text.replace("\nnetwork_mode: bridge\n", "\n")
    assert text != TEXT
    assert faults(text) == []
    rendered(text)
