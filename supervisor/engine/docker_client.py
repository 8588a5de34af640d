"""aiodocker's clients, made and closed so that nothing of them is left."""

from __future__ import annotations

import aiodocker
import aiohttp


def open_client(url: str, timeout: aiohttp.ClientTimeout) -> aiodocker.Docker:
    """A client for the running event loop, on a Unix socket without a limit of connections."""
    if not url.startswith("unix://"):
        return aiodocker.Docker(url=url, timeout=timeout)
    connector = aiohttp.UnixConnector(url.removeprefix("unix://"), limit=0)
    session = aiohttp.ClientSession(connector=connector, timeout=timeout)
    return aiodocker.Docker(url=url, session=session, timeout=timeout)


async def close_client(client: aiodocker.Docker) -> None:
    """Close it and its session."""
    await client.close()
    await client.session.close()
