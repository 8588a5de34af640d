"""A little of ``scripts/chaos``, on the machine's engine; and that it finds what is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.chaos_lib.faults import FAULTS
from scripts.chaos_lib.plan import Part
from scripts.chaos_lib.rounds import Core, play_core
from scripts.chaos_lib.scene import Fault, Scale, Scene
from scripts.chaos_lib.stage import Setting
from scripts.chaos_lib.tally import Kind
from tests.support.engine import docker
from tests.support.surroundings import Surroundings

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

SEED = 1


@pytest.fixture
def setting(site: Surroundings, tmp_path: Path) -> Iterator[Setting]:
    """The machine's engine, which nobody may kill."""
    with tempfile.TemporaryDirectory(prefix="fx-chaos-", dir="/run") as parent:
        Path(parent).chmod(0o755)
        yield Setting(
            site=site,
            engine_url="unix:///var/run/docker.sock",
            private=None,
            parent=Path(parent),
            keep=tmp_path / "logs",
        )


async def test_sessions_live_while_the_daemon_falls(setting: Setting) -> None:
    """Killed, stopped and hung while sessions come and go: nothing lost, doubled or left behind."""
    line = await play_core(Core(seed=SEED, rounds=1, sessions=8, say=print), setting)
    assert line.faults > 0
    assert line.violations == []


@pytest.mark.parametrize("name", ["store-lost", "containers-removed", "agent-killed"])
async def test_a_fault(setting: Setting, name: str) -> None:
    """The others take an engine of their own, or a minute."""
    line = await FAULTS[name].play(setting, Scale(seed=SEED, quick=True, say=print))
    assert line.faults > 0
    assert line.violations == []


async def test_what_is_wrong_is_counted(setting: Setting) -> None:
    """A container that is removed although nothing may end its session."""

    async def inflict(scene: Scene) -> None:
        (session,) = await scene.run(Part.PLAIN)
        await docker("rm", "-f", scene.container(session))
        await scene.told(session, "ended")

    fault = Fault(name="unexpected", what="nobody was told of it", inflict=inflict)
    line = await fault.play(setting, Scale(seed=SEED, quick=True, say=print))
    assert {each.kind for each in line.violations} == {Kind.KILLED}
