"""Intake: what is accepted is durable, once per key, and only while sessions can be started."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from supervisor.errors import StoreError, UserNotAllowedError
from supervisor.host.identity import look_up
from supervisor.lifecycle.errors import (
    ConflictError,
    InvalidRequestError,
    SupervisorError,
    TemplateNotFoundError,
    UnavailableError,
)
from supervisor.lifecycle.session import Session, StartRequest
from supervisor.reactor import intake
from supervisor.store.sessions import IDEMPOTENCY_SECONDS, load_sessions
from tests.support.turning import settled, until
from tests.unit.reactor.life import House, Life

ALICE = StartRequest(user="alice")


async def stored(life: Life) -> list[Session]:
    """What the database holds."""
    sessions, _ = await life.database.run(load_sessions)
    return list(sessions)


async def test_what_is_accepted_is_durable(life: Life) -> None:
    """When start returns, the session is in the store and can be found."""
    session = await life.start()
    assert [each.id for each in await stored(life)] == [session.id]
    assert life.session(session.id).user == "alice"


async def test_a_refusal_that_nobody_waits_for(life: Life) -> None:
    """Who has left is told nothing, and nobody complains of that."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    life.database.failures = 1
    starting = asyncio.ensure_future(life.start())
    await until(lambda: life.database.failures == 0)
    starting.cancel()
    await asyncio.wait([starting])
    await settled()
    del starting
    gc.collect()
    assert complaints == []


async def test_a_key_is_one_session(life: Life) -> None:
    """Repeated with its key, at once or later, a start is the same session."""
    starts = await asyncio.gather(*(life.start(key="k") for _ in range(5)))
    assert len({session.id for session in starts}) == 1
    assert (await life.start(key="k")).id == starts[0].id
    assert (await life.start(key="other")).id != starts[0].id
    assert (await life.start()).id != (await life.start()).id


async def test_a_key_outlives_the_daemon(house: House) -> None:
    """A start that is repeated after a restart is still the same session."""
    async with house.life() as life:
        await life.ready()
        before = await life.start(key="k")
    async with house.life() as life:
        await life.ready()
        assert (await life.start(key="k")).id == before.id


async def test_a_key_for_something_else_is_refused(life: Life) -> None:
    """A key stands for one request."""
    await life.start(key="k")
    another = StartRequest(user="alice", command="xclock")
    with pytest.raises(ConflictError, match="another request"):
        await life.core.sessions.start(another, idempotency_key="k")
    assert len(await stored(life)) == 1


async def test_a_key_of_a_purged_session_is_refused(life: Life) -> None:
    """A repeated start does not bring back what was purged."""
    session = await life.start(key="k")
    await life.core.sessions.purge(session.id)
    with pytest.raises(ConflictError, match="purged"):
        await life.start(key="k")


async def test_a_key_expires(life: Life) -> None:
    """After a day a key may be used again."""
    session = await life.start(key="k")
    life.house.clock.at += IDEMPOTENCY_SECONDS + 1
    assert (await life.start(key="k")).id != session.id


async def test_nothing_starts_before_adoption(house: House) -> None:
    """Until it is known what runs, and while the engine is away, starts are refused for now."""
    house.engine.go_away()
    async with house.life() as life:
        with pytest.raises(UnavailableError) as refusal:
            await life.start()
        assert refusal.value.retryable
        house.engine.come_back()
        await life.ready()
        await life.start()
        house.engine.go_away()
        await until(lambda: not life.core.health.ready()[0])
        with pytest.raises(UnavailableError, match="engine"):
            await life.start()


async def test_a_full_disk_accepts_nothing(life: Life) -> None:
    """A start that cannot be stored did not happen; its key is free."""
    life.database.failures = 1
    with pytest.raises(StoreError):
        await life.start(key="k")
    assert life.core.feed.snapshot() == ()
    assert (await life.start(key="k")).user == "alice"


async def test_a_caller_who_leaves(life: Life) -> None:
    """A start whose caller went away in the middle of the commit is in the store and known."""
    waiting = asyncio.ensure_future(life.start(key="k"))
    run, entered = life.database.run, asyncio.Event()

    async def tell(function: object) -> object:
        entered.set()
        return await run(function)  # type: ignore[arg-type] # passed on as it came

    life.database.run = tell  # type: ignore[method-assign,assignment] # to see the moment
    await entered.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    await until(lambda: len(life.core.feed.snapshot()) == 1)
    assert (await life.start(key="k")).id == life.core.feed.snapshot()[0].id


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (StartRequest(user="alice", template="none"), TemplateNotFoundError),
        (StartRequest(user="alice", geometry="huge"), InvalidRequestError),
        (StartRequest(user="alice", params={"none": 1}), InvalidRequestError),
    ],
)
async def test_a_faulty_request_leaves_no_trace(
    life: Life, request_: StartRequest, error: type[SupervisorError]
) -> None:
    """What cannot be rendered is refused before anything is stored."""
    with pytest.raises(error):
        await life.core.sessions.start(request_, idempotency_key="k")
    assert await stored(life) == []


async def test_a_user_of_no_account(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who a user is comes from the host; who is none, or root, gets no session."""
    monkeypatch.setattr(intake, "look_up", look_up)
    for user in ("root", "no-such-user"):
        with pytest.raises(UserNotAllowedError):
            await life.core.sessions.start(StartRequest(user=user), idempotency_key=None)
    assert await stored(life) == []
