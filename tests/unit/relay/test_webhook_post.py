"""One attempt: signed so that the standard's own library accepts it, and judged by its answer."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from relay.config import WebhookConfig, WebhookLimits
from relay.ports import StoredEvent
from relay.webhook.post import Outcome, Post, Verdict, retry_after_seconds
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import SessionId
from tests.support.webhook_receiver import Receiver, refuse
from tests.unit.relay.posting import KEYS

WEBHOOK_DOCUMENT = Path(__file__).parents[3] / "docs" / "webhook.md"
EVENT = StoredEvent(
    7, "origin-7-x", EventKind.UPDATE, SessionId("a" * 26), 1_700_000_000.0, b'{"id":"a"}'
)
CONFIG = WebhookConfig(url="", keys=KEYS[:1], limits=WebhookLimits(body_seconds=0.05))


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A web server that takes webhooks."""
    async with Receiver().serving() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client, as the webhook's own is."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as http:
        yield http


def secret(key: bytes) -> str:
    """A key as it is written into a secret's file."""
    return "whsec_" + base64.b64encode(key).decode()


async def test_the_standard_verifies_it(receiver: Receiver, http: aiohttp.ClientSession) -> None:
    """Identifier, time and signature are the standard's; a changed body is found out."""
    verdict = await Post(http, replace(CONFIG, url=receiver.url), time.time)(EVENT)
    assert verdict.outcome is Outcome.DELIVERED
    (came,) = receiver.came
    verified = Webhook(secret(KEYS[0])).verify(came.body, came.headers)
    assert verified == {
        "type": "session.update",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": {"id": "a"},
    }
    assert came.headers["webhook-id"] == EVENT.id
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(KEYS[0])).verify(came.body.replace(b'"a"', b'"b"'), came.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(KEYS[1])).verify(came.body, came.headers)


async def test_the_documented_receiver(http: aiohttp.ClientSession) -> None:
    """The example for authors of web servers takes what is right, once, and nothing else."""
    (example,) = re.findall("```python\n(.*?)```", WEBHOOK_DOCUMENT.read_text(), re.DOTALL)
    known: set[str] = set()
    events: list[dict[str, object]] = []

    async def seen_before(event_id: str) -> bool:
        before = event_id in known
        known.add(event_id)
        return before

    async def enqueue(event: dict[str, object]) -> None:
        events.append(event)

    names: dict[str, Any] = {"seen_before": seen_before, "enqueue": enqueue}
    exec(example.replace("whsec_...", secret(KEYS[1])), names)  # noqa: S102 ours
    app = web.Application()
    app.router.add_post("/hook", names["receive"])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    for keys, outcome in ((KEYS, Outcome.DELIVERED), (KEYS[:1], Outcome.REFUSED)):
        for _ in range(2):
            config = replace(CONFIG, url=url, keys=keys)
            assert (await Post(http, config, time.time)(EVENT)).outcome is outcome
    for signature in ("", "v1,", "v1", "v1,A", "v1,\u00e4"):
        headers = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": signature}
        async with http.post(url, data=b"{}", headers=headers) as refusal:
            assert refusal.status == 401
    await runner.cleanup()
    assert [event["data"] for event in events] == [{"id": "a"}]


async def test_two_secrets_while_one_takes_over(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    """Whoever knows either of them can verify."""
    await Post(http, replace(CONFIG, url=receiver.url, keys=KEYS), time.time)(EVENT)
    (came,) = receiver.came
    assert len(came.headers["webhook-signature"].split(" ")) == 2
    for key in KEYS:
        Webhook(secret(key)).verify(came.body, came.headers)


async def test_another_attempt_is_signed_anew(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    """The same identifier and body; the time is that of the attempt."""
    receiver.answer = refuse(500)
    for at in (1_700_000_100.9, 1_700_009_999.0):
        await Post(http, replace(CONFIG, url=receiver.url), lambda at=at: at)(EVENT)  # type: ignore[misc]
    first, second = receiver.came
    assert first.headers["webhook-timestamp"] == "1700000100"
    assert second.headers["webhook-timestamp"] == "1700009999"
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (200, None, Verdict(Outcome.DELIVERED)),
        (202, "5", Verdict(Outcome.DELIVERED)),
        (299, None, Verdict(Outcome.DELIVERED)),
        (304, None, Verdict(Outcome.REFUSED, "answered 304")),
        (308, None, Verdict(Outcome.REFUSED, "answered 308")),
        (400, None, Verdict(Outcome.REFUSED, "answered 400")),
        (410, "5", Verdict(Outcome.GONE, "answered 410")),
        (429, None, Verdict(Outcome.BUSY, "answered 429")),
        (429, "7", Verdict(Outcome.BUSY, "answered 429", 7.0)),
        (500, "7", Verdict(Outcome.REFUSED, "answered 500", 7.0)),
        (503, None, Verdict(Outcome.REFUSED, "answered 503")),
        (503, "7", Verdict(Outcome.BUSY, "answered 503", 7.0)),
        (503, "soon", Verdict(Outcome.REFUSED, "answered 503")),
        (503, "99999", Verdict(Outcome.BUSY, "answered 503", 3600.0)),
    ],
)
async def test_what_an_answer_means(
    receiver: Receiver,
    http: aiohttp.ClientSession,
    status: int,
    retry_after: str | None,
    expected: Verdict,
) -> None:
    """2xx alone is success; 410 is the end; who says when, is asked then."""
    receiver.answer = refuse(status, **({"Retry_After": retry_after} if retry_after else {}))
    assert await Post(http, replace(CONFIG, url=receiver.url), time.time)(EVENT) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200\r\n" + b"x: y\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"",
    ],
)
async def test_what_is_no_answer(http: aiohttp.ClientSession, answer: bytes) -> None:
    """Garbage, endless headers, or nothing at all: a failure, and nothing of it is repeated."""

    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = replace(CONFIG, url=f"http://127.0.0.1:{port}/s3cret")
    verdict = await Post(http, config, time.time)(EVENT)
    server.close()
    assert verdict.outcome is Outcome.REFUSED
    assert "s3cret" not in verdict.why
    assert "x" * 20 not in verdict.why


async def test_nobody_listens(receiver: Receiver, http: aiohttp.ClientSession) -> None:
    """No connection says nothing of the event."""
    config = replace(CONFIG, url=receiver.url)
    await receiver.stop()
    verdict = await Post(http, config, time.time)(EVENT)
    assert verdict.outcome is Outcome.UNREACHABLE
    address = receiver.url.split("/")[2]
    assert verdict.why == f"no connection to {address}: Connection refused"


async def test_no_such_host(http: aiohttp.ClientSession) -> None:
    """A name that is not known, by RFC 6761."""
    config = replace(CONFIG, url="http://receiver.invalid/s3cret")
    verdict = await Post(http, config, time.time)(EVENT)
    assert verdict.outcome is Outcome.UNREACHABLE
    assert verdict.why.startswith("no connection to receiver.invalid:80: ")
    assert "s3cret" not in verdict.why


@pytest.fixture
def stranger(tmp_path: Path) -> ssl.SSLContext:
    """A server that nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost"
    command = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 nothing from outside
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_is_not_trusted(
    stranger: ssl.SSLContext, http: aiohttp.ClientSession
) -> None:
    """Events are not told to whoever answers: the certificate has to be good."""
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=stranger).start()
    url = f"https://localhost:{runner.addresses[0][1]}/s3cret"
    verdict = await Post(http, replace(CONFIG, url=url), time.time)(EVENT)
    await runner.cleanup()
    assert verdict.outcome is Outcome.UNREACHABLE
    assert "certificate" in verdict.why.lower()
    assert "s3cret" not in verdict.why


async def test_a_deadline_for_all_of_it(receiver: Receiver, http: aiohttp.ClientSession) -> None:
    """An answer that does not begin is no answer."""

    async def hang(_delivery: object, _request: object) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.answer = hang
    config = replace(CONFIG, url=receiver.url, timeout_seconds=0.05)
    verdict = await Post(http, config, time.time)(EVENT)
    assert (verdict.outcome, verdict.why) == (Outcome.REFUSED, "no answer within 0.05 seconds")


async def test_a_long_body_after_a_good_status(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    """What was accepted is accepted, even if the body does not end before the deadline."""

    async def drip(_delivery: object, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.01)

    receiver.answer = drip
    limits = replace(CONFIG.limits, body_seconds=0.2)
    config = replace(CONFIG, url=receiver.url, timeout_seconds=0.1, limits=limits)
    assert (await Post(http, config, time.time)(EVENT)).outcome is Outcome.DELIVERED


async def test_a_body_is_not_collected(receiver: Receiver, http: aiohttp.ClientSession) -> None:
    """Whoever sends without end is cut off, and what was sent is no more than buffers hold."""
    sent = 0
    cut = asyncio.Event()

    async def pour(_delivery: object, request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
                sent += 65536
        finally:
            cut.set()

    receiver.answer = pour
    limits = replace(CONFIG.limits, body_seconds=2.0)
    config = replace(CONFIG, url=receiver.url, limits=limits)
    assert (await Post(http, config, time.time)(EVENT)).outcome is Outcome.DELIVERED
    async with asyncio.timeout(10):
        await cut.wait()
    assert sent < 16 << 20


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("1.5", None),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("²", None),
        ("9" * 5000, float("inf")),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        ("Tue, 14 Nov 2023 23:13:50 +0100", 30.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("Tue, 99 Nov 2023 22:13:10 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP-date (RFC 9110, 10.2.3); anything else is as if it were not there."""
    assert retry_after_seconds(value, 1_700_000_000.0) == seconds


@given(value=st.text())
def test_any_retry_after(value: str) -> None:
    """Whatever is sent, it is understood or passed over."""
    seconds = retry_after_seconds(value, 1_700_000_000.0)
    assert seconds is None or seconds >= 0


def test_secrets_do_not_show() -> None:
    """Neither keys nor address, which may hold a token, are in a repr."""
    shown = repr(replace(CONFIG, url="https://h/s3cret"))
    assert "key of" not in shown
    assert "s3cret" not in shown
