"""Ends of connections that do not wait for the peer."""

from __future__ import annotations

import asyncio
from contextlib import suppress


def abort(transport: asyncio.BaseTransport | None) -> None:
    """End a connection without waiting for what is buffered to be taken; harmless when repeated.

    Up to Python 3.11 a TLS transport that was closed twice cannot be aborted and raises
    AttributeError; its connection ends with the deadline of TLS's own shutdown then.
    """
    if isinstance(transport, asyncio.WriteTransport):
        with suppress(AttributeError):
            transport.abort()
