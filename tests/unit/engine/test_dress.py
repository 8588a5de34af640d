"""dress(): what every session's container gets beside what its template asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from supervisor.engine import labels
from supervisor.engine.dress import HostPaths, dress
from supervisor.engine.plan import LaunchPlan
from supervisor.host.identity import Group, Identity
from supervisor.host.image_contents import ImageContents
from supervisor.template.schema.service import PullPolicy
from supervisor.template.spec import ContainerSpec, Isolation, Mount, MountType
from tests.support.sessions import SESSION_ID, pending_session

ALICE = Identity(  # noqa: S604 a login shell, not a command
    name="alice",
    uid=1234,
    gid=1234,
    home="/home/alice",
    shell="/bin/bash",
    gecos="Alice",
    groups=(Group("alice", 1234),),
)
PATHS = HostPaths(
    agent=Path("/share/agent"),
    bundle=Path("/share/bundle"),
    sessions=Path("/run/fx/sessions"),
    relay=Path("/run/fx/relay"),
    bundle_mounts={"bin/xkbcomp": "/usr/bin/xkbcomp"},
)
IMAGE = ImageContents(image_id="sha256:1", perl="/opt/perl/bin/perl", passwd="", group="")
HOME = Mount(type=MountType.BIND, source="/home/alice", target="/home/alice")


def dressed(spec: ContainerSpec) -> ContainerSpec:
    """The container of Alice's session with this template."""
    plan = LaunchPlan(spec=spec, identity=ALICE, command="xterm", pull_policy=PullPolicy.MISSING)
    return dress(pending_session(), plan, IMAGE, PATHS, "owner-1")


def test_the_agent_is_what_runs() -> None:
    """By the image's own perl; the template's command is the agent's business."""
    spec = dressed(ContainerSpec(image="fx/x", command=("ignored",)))
    assert spec.entrypoint == ("/opt/perl/bin/perl", "/opt/fastx/agent/bin/fx-session")
    assert spec.command == ()


def test_only_the_template_mounts_something_writable() -> None:
    """Everything that the supervisor adds is read-only, and comes after the template's mounts."""
    spec = dressed(ContainerSpec(image="fx/x", mounts=(HOME,)))
    assert spec.mounts[0] == HOME
    added = {mount.target: mount for mount in spec.mounts[1:]}
    assert all(mount.read_only for mount in added.values())
    assert set(added) == {
        "/opt/fastx/agent",
        "/opt/fastx/bundle",
        "/run/fastx/relay",
        "/run/fastx/session/session.json",
        "/etc/passwd",
        "/etc/group",
        "/usr/bin/xkbcomp",
    }
    assert added["/etc/passwd"].source == f"/run/fx/sessions/{SESSION_ID}/passwd"


def test_the_runtime_directory_is_the_users() -> None:
    """A tmpfs that nobody else can enter, named in the environment."""
    spec = dressed(ContainerSpec(image="fx/x", environment={"LANG": "C.UTF-8"}))
    assert spec.environment == {"LANG": "C.UTF-8", "XDG_RUNTIME_DIR": "/run/user/1234"}
    assert "mode=0700,uid=1234,gid=1234" in spec.tmpfs["/run/user/1234"]


def test_labels_say_whose_it_is() -> None:
    """The supervisor's labels are complete, and the template's stay."""
    spec = dressed(ContainerSpec(image="fx/x", labels={"com.example.costs": "research"}))
    assert spec.labels["com.example.costs"] == "research"
    assert spec.labels[labels.OWNER] == "owner-1"
    assert spec.labels[labels.SESSION] == SESSION_ID
    assert (spec.labels[labels.USER], spec.labels[labels.TEMPLATE]) == ("alice", "docker")
    other = dressed(ContainerSpec(image="fx/y"))
    assert spec.labels[labels.SPEC_HASH] != other.labels[labels.SPEC_HASH]


def test_a_read_only_image_gets_a_tmp() -> None:
    """X keeps its socket there; a /tmp of the template's own is left as it is, but for X's part."""
    read_only = ContainerSpec(image="fx/x", isolation=Isolation(read_only=True))
    assert dressed(read_only).tmpfs["/tmp"] == "mode=1777"
    assert dressed(replace(read_only, tmpfs={"/tmp": "size=1g"})).tmpfs["/tmp"] == "size=1g"
    own = Mount(type=MountType.VOLUME, source="scratch", target="/tmp")
    shared = dressed(replace(read_only, mounts=(own,))).tmpfs
    assert "/tmp" not in shared
    assert shared["/tmp/.X11-unix"].startswith("mode=1777,uid=1234,gid=1234")
    assert "/tmp" not in dressed(ContainerSpec(image="fx/x")).tmpfs
