"""Starts that are refused at once: who is at fault is told, and nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.daemon import Daemon
from tests.support.engine import containers
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

LIMITED = """\
image: {image}
params:
  cores: {{type: number, default: 1, min: 0.5, max: 2}}
  colour: {{type: choice, choices: [red, green], default: red}}
  word: {{type: string, default: abc, pattern: "[a-z]+", max_length: 5}}
  memory: {{type: size, default: 512m, max: 1g}}
environment: {{WORD: "${{start.params.word}}", COLOUR: "${{start.params.colour}}"}}
cpus: ${{start.params.cores}}
mem_limit: ${{start.params.memory}}
command: [sleep, infinity]
"""


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ("no-such-user", "no user 'no-such-user'"),
        ("root", "uid 0"),
        ("daemon", "uid 1"),
        ("../etc/passwd", "no user"),
        ("nobody:x:0:0", "no user"),
    ],
)
async def test_only_ordinary_users_get_sessions(web: WebServer, user: str, says: str) -> None:
    """Unknown users, uid 0 and system uids are refused, and the fault is in ``user``."""
    answer = await web.post_start(user=user)
    assert answer.refusal() == (422, "user_not_allowed", [["user"]])
    assert says in answer.body["detail"]
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    await require_nothing(web)


@pytest.mark.parametrize(
    ("params", "loc"),
    [
        ({"cores": 3}, "cores"),
        ({"cores": 0.1}, "cores"),
        ({"cores": "many"}, "cores"),
        ({"cores": True}, "cores"),
        ({"colour": "blue"}, "colour"),
        ({"word": "abcdef"}, "word"),
        ({"word": "ABC"}, "word"),
        ({"word": "abc\n"}, "word"),
        ({"memory": "2g"}, "memory"),
        ({"privileged": True}, "privileged"),
        ({"image": "other"}, "image"),
        ({"__proto__": "x"}, "__proto__"),
    ],
)
async def test_params_have_to_be_declared_and_within_limits(
    web: WebServer, daemon: Daemon, params: dict[str, object], loc: str
) -> None:
    """A param that the template does not declare, or not like this, is refused by its name."""
    daemon.write_template("limited", LIMITED.format(image=daemon.site.sample))
    answer = await web.post_start(template="limited", params=params)
    assert answer.refusal() == (422, "params_invalid", [["params", loc]])
    await require_nothing(web)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"user": 7}, ["user"]),
        ({"user": ""}, ["user"]),
        ({"user": None}, ["user"]),
        ({"user": "a\0b"}, ["user"]),
        ({"user": "x", "privileged": True}, ["privileged"]),
        ({"user": "x", "params": []}, ["params"]),
        ({"user": "x", "params": {"a": {}}}, ["params", "a"]),
        ({"user": "x", "params": {"a": "b\0c"}}, ["params", "a"]),
        ({"user": "x", "dpi": "96"}, ["dpi"]),
        ({"user": "x", "extra": {"tmp_dir": 1}}, ["extra", "tmp_dir"]),
        ({"command": "xterm"}, ["user"]),
    ],
)
async def test_a_body_of_the_wrong_shape_is_refused(
    web: WebServer, body: object, loc: list[str]
) -> None:
    """The wrong type, an unknown field, a missing one: 422 with the path to it."""
    answer = await web.call("POST", "/v1/sessions", body)
    assert answer.refusal() == (422, "invalid_request", [loc])


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"geometry": "huge"}, ["geometry"]),
        ({"geometry": "1280x800\n"}, ["geometry"]),
        ({"geometry": "999999x999999"}, ["geometry"]),
        ({"dpi": 1}, ["dpi"]),
        ({"name": "two\nlines"}, ["name"]),
        ({"extra": {"a b": "x"}}, ["extra", "a b"]),
        ({"command": "x" * 5000}, ["command"]),
    ],
)
async def test_a_value_out_of_bounds_is_refused(
    web: WebServer, fields: dict[str, object], loc: list[str]
) -> None:
    """What has the right type can still be wrong, and is told like that."""
    answer = await web.post_start(**fields)
    assert answer.refusal() == (422, "invalid_request", [loc])
    await require_nothing(web)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"user=alice", b"", b"{", b"\xff\xfe", b'{"user": NaN}', b'{"user": "a", "user": "b"}'),
        *(b'{"user": "\\ud800"}', b"[" * 10_000),
    ],
)
async def test_what_is_not_json_is_refused(web: WebServer, raw: bytes) -> None:
    """400 with a reason, whatever the bytes."""
    answer = await web.call("POST", "/v1/sessions", raw=raw)
    assert (answer.status, answer.body["code"]) == (400, "not_json")


async def test_a_body_beyond_64_kib_is_refused(web: WebServer) -> None:
    """413, announced or not, and the daemon serves on."""
    fields = {"extra": {f"x{n}": "y" * 4000 for n in range(20)}}
    answer = await web.post_start(**fields)
    assert (answer.status, answer.body["code"]) == (413, "too_large")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 4096

    async with asyncio.timeout(10), web.http.post("/v1/sessions", data=endless()) as unannounced:
        assert unannounced.status == 413
    assert await web.session_list() == []


async def test_an_unknown_template_is_named(web: WebServer) -> None:
    """404, and which there are."""
    answer = await web.post_start(template="no-such")
    assert (answer.status, answer.body["code"]) == (404, "template_not_found")
    assert "docker" in answer.body["detail"]
    answer = await web.post_start(template="../../etc/passwd")
    assert (answer.status, answer.body["code"]) == (404, "template_not_found")


async def require_nothing(web: WebServer) -> None:
    """No session was kept and no container made."""
    assert await web.session_list() == []
    assert await containers("owner", web.daemon.owner) == []
