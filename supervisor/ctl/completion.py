"""What the shell is offered: asked of the daemon quickly or not at all, without complaints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from supervisor.ctl.client import Client
from supervisor.ctl.endpoint import socket_path
from supervisor.ctl.text import plain
from supervisor.lifecycle.errors import SupervisorError

PATIENCE_SECONDS = 0.8
"""Longer than this, and whoever pressed Tab presses it again."""

T = TypeVar("T")
Offers = list[tuple[str, str]]


def session_ids(socket: str | None, incomplete: str) -> Offers:
    """Short ids; whole ones where what was typed is the beginning of one."""
    sessions = _asked(socket, lambda client: client.sessions())
    typed = incomplete.lower()
    offers = [(s.short_id, s) for s in sessions if s.short_id.startswith(typed)]
    offers = offers or [(s.id, s) for s in sessions if s.id.startswith(typed)]
    return [(text, plain(f"{s.user} {s.name} {s.phase}")) for text, s in offers]


def template_names(socket: str | None, incomplete: str) -> Offers:
    """Names of templates and their titles."""
    templates = _asked(socket, lambda client: client.templates())
    return [(t.name, plain(t.title)) for t in templates if t.name.startswith(incomplete)]


def _asked(socket: str | None, question: Callable[[Client], Awaitable[list[T]]]) -> list[T]:
    async def ask() -> list[T]:
        async with asyncio.timeout(PATIENCE_SECONDS), Client(socket_path(socket)) as client:
            return await question(client)

    try:
        return asyncio.run(ask())
    except (SupervisorError, OSError):
        return []
