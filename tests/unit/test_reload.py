"""What a reload takes over, and what holds until the next start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from supervisor.config import Config
from supervisor.reload import keep

NEED_RESTART = {
    "engine.host",
    "engine.request_timeout_seconds",
    "relay.viewer.host",
    "relay.viewer.port",
}
"""Whoever adds a key says whether it can change while sessions run."""

TAKEN_OVER = {
    "engine.relist_seconds",
    "agent.directory",
    "agent.bundle",
    "agent.heartbeat_seconds",
    "identity.min_uid",
    "identity.forbidden_groups",
    "limits.concurrent_starts",
    "limits.max_sessions",
    "limits.sessions_per_user",
    "policy.images",
    "policy.mount_sources",
    "policy.volumes",
    "policy.allow",
    "policy.capabilities",
    "policy.devices",
    "policy.security_opt",
    "policy.sysctls",
    "policy.runtimes",
    "policy.most.memory",
    "policy.most.cpus",
    "policy.most.pids",
    "policy.most.shm_size",
    "policy.default.memory",
    "policy.default.cpus",
    "policy.default.pids",
    "policy.default.shm_size",
    "relay.web.allow_users",
    "relay.web.allow_groups",
    "relay.webhook.url",
    "relay.webhook.secret_files",
    "relay.webhook.timeout_seconds",
    "relay.webhook.give_up_seconds",
    "retention.ended_seconds",
    "retention.ended_sessions",
    "retention.outbox_seconds",
    "retention.outbox_items",
    "reconcile.orphan_grace_seconds",
    "reconcile.initial_delay_seconds",
    "log.level",
    "log.format",
}


def keys(section: BaseModel, prefix: str = "") -> Iterator[str]:
    """Every key that holds a value."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def with_value(section: BaseModel, key: str, value: object) -> BaseModel:
    """The same with another value at one key."""
    name, _, rest = key.partition(".")
    inner = with_value(getattr(section, name), rest, value) if rest else value
    return section.model_copy(update={name: inner})


def value_at(section: BaseModel, key: str) -> object:
    """What stands there."""
    found: object = section
    for name in key.split("."):
        found = getattr(found, name)
    return found


def test_of_every_key_it_is_known_whether_it_can_change() -> None:
    """And of no other."""
    assert set(keys(Config())) == NEED_RESTART | TAKEN_OVER


@pytest.mark.parametrize("key", sorted(NEED_RESTART | TAKEN_OVER))
def test_a_key_is_kept_or_taken_over(key: str) -> None:
    """And named if it is kept."""
    running, another = Config(), object()
    found = with_value(running, key, another)
    assert isinstance(found, Config)
    config, kept = keep(running, found)
    if key in NEED_RESTART:
        assert (config, kept) == (running, (key,))
    else:
        assert kept == ()
        assert value_at(config, key) is another


def test_what_is_as_before_is_not_mentioned() -> None:
    """Most reloads change nothing of the kind."""
    assert keep(Config(), Config()) == (Config(), ())
