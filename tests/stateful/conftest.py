"""What a machine is run with: one catalog of templates, one user, and a log that is judged."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from supervisor.host.identity import Group, Identity, IdentityPolicy
from supervisor.reactor import intake
from supervisor.template.catalog import TemplateCatalog
from tests.stateful.machine import SupervisorMachine
from tests.stateful.world import TEMPLATES

EXAMPLES = 300
"""Half a minute of them; ``HYPOTHESIS_PROFILE=explore`` looks at as many others as it is told."""
CRASHES = ("fact_crashed", "effect_crashed")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SupervisorMachine]]:
    """The machine, ready to be run any number of times."""
    templates = tmp_path / "etc" / "launcher-templates"
    templates.mkdir(parents=True)
    for name, text in TEMPLATES.items():
        (templates / f"{name}.tpl").write_text(text)
    home = tmp_path / "home"
    home.mkdir()
    errors: list[str] = []

    async def look_up(name: str, _policy: IdentityPolicy) -> Identity:
        assert name == "alice"
        return Identity("alice", 1000, 1000, str(home), "/bin/sh", "", (Group("alice", 1000),))

    monkeypatch.setattr(intake, "look_up", look_up)

    class Machine(SupervisorMachine):
        """With what it needs."""

    Machine.catalog = TemplateCatalog(tmp_path / "etc", tmp_path / "none")
    Machine.errors = errors
    Machine.TestCase.settings = settings(
        max_examples=max(EXAMPLES, settings().max_examples),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def judge(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        if event["event"] in CRASHES:
            errors.append(repr(dict(event)))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[judge])
    yield Machine
    structlog.configure(**before)
