"""The host's policy at each start, change and launch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.engine.plan import load_plan
from supervisor.errors import ImageNotAllowedError, PolicyError
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Reason
from supervisor.lifecycle.view import session_object
from supervisor.policy.rules import Ceilings, Grant
from tests.unit.reactor.life import IMAGE, TEMPLATE, House, Life


async def test_what_is_not_allowed_is_refused_at_once(life: Life) -> None:
    """With every breach, and nothing is left of the start."""
    life.house.write_template("docker", TEMPLATE + "privileged: true\npid: host\n")
    with pytest.raises(PolicyError) as caught:
        await life.start()
    assert caught.value.code == "policy_violation"
    assert [error.loc for error in caught.value.errors] == [
        ("policy.allow: privileged",),
        ("policy.allow: host_pid",),
    ]
    assert list(life.core.directory) == []


async def test_an_image_that_is_not_allowed(house: House) -> None:
    """It has a code of its own."""
    house.policy = replace(house.policy, images=("registry.example.com/*",))
    async with house.life() as life:
        await life.ready()
        with pytest.raises(ImageNotAllowedError, match=r"policy\.images"):
            await life.start()


async def test_what_is_allowed_is_started(house: House) -> None:
    """By the administrator's word, not the template's alone."""
    house.policy = replace(house.policy, allow=frozenset({Grant.HOST_NETWORK}))
    house.write_template("docker", TEMPLATE + "network_mode: host\n")
    async with house.life() as life:
        await life.ready()
        await life.run()


async def test_what_a_template_leaves_open_is_limited(house: House) -> None:
    """And what it says itself is left as it is."""
    house.policy = replace(house.policy, default=Ceilings(memory_bytes=1 << 30, pids=99))
    house.write_template("said", TEMPLATE + "mem_limit: 2g\n")
    async with house.life() as life:
        await life.ready()
        for template, memory in (("docker", 1 << 30), ("said", 2 << 30)):
            session = await life.start(template=template)
            spec = load_plan(life.session(session.id).spec).spec
            assert (spec.resources.memory_bytes, spec.resources.pids) == (memory, 99)
            assert spec.isolation.security_opt == ("no-new-privileges:true",)


async def test_a_change_is_judged_as_well(house: House) -> None:
    """What a user may set can be too much for the host."""
    house.policy = replace(house.policy, most=Ceilings(memory_bytes=1 << 30))
    house.write_template(
        "docker",
        TEMPLATE
        + "mem_limit: ${start.params.memory}\n"
        + "params: {memory: {type: size, default: 1g, changeable: true}}\n",
    )
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        with pytest.raises(PolicyError, match=r"policy\.most"):
            await life.core.sessions.change(session.id, name=None, params={"memory": "2g"})
        assert life.session(session.id).params == {"memory": 1 << 30}


async def test_who_waited_is_judged_by_the_policy_of_the_day(house: House) -> None:
    """A stricter one came with a restart: the session ends, and says why."""
    async with house.life() as life:
        await life.ready()
        gate = life.engine.hold("read_image")
        session = await life.start()
        await life.reaches(session.id, Phase.STARTING)
        await life.crash()
    gate.release()
    house.policy = replace(house.policy, images=("registry.example.com/*",))
    async with house.life() as life:
        ended = await life.reaches(session.id, Phase.ENDED)
        assert ended.reason is Reason.IMAGE_NOT_ALLOWED
        assert IMAGE in ended.message
        assert house.engine.host.containers == {}


async def test_a_mount_that_has_become_a_link(house: House, tmp_path: Path) -> None:
    """Between acceptance and start: it is looked at again."""
    shared = tmp_path / "shared"
    shared.mkdir()
    house.policy = replace(house.policy, mount_sources=(tmp_path,))
    house.write_template("docker", TEMPLATE.replace('"]', f'", "{shared}:/shared"]', 1))
    async with house.life() as life:
        await life.ready()
        gate = life.engine.hold("read_image")
        session = await life.start()
        await gate.entered.wait()
        shared.rmdir()
        shared.symlink_to("/etc")
        gate.release()
        ended = await life.reaches(session.id, Phase.ENDED)
        assert ended.reason is Reason.TEMPLATE_INVALID
        assert "is /etc, which is never mounted" in ended.message
        assert house.engine.host.containers == {}


@pytest.mark.parametrize(
    ("template", "host", "both"),
    [
        ("both", "both", "both"),
        ("in", "both", "in"),
        ("both", "out", "out"),
        ("in", "in", "in"),
        ("in", "out", "off"),
        ("out", "in", "off"),
        ("off", "out", "off"),
        ("out", "off", "off"),
    ],
)
async def test_the_clipboard_is_what_template_and_host_let_through(
    house: House, template: str, host: str, both: str
) -> None:
    """Nothing is refused; the session and the template's description tell what holds."""
    house.policy = replace(house.policy, clipboard=ClipboardPolicy(host))
    keys = f"image: {IMAGE}\ncommand: xterm\nsession: {{clipboard: {template}}}\n"
    house.write_template("docker", keys)
    async with house.life() as life:
        await life.ready()
        session = await life.start()
        assert session_object(session)["clipboard"] == both
        assert life.core.templates.get("docker")["session"]["clipboard"] == both
