"""The node, as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from supervisor.ctl.text import moment, plain, when
from supervisor.ctl.views import Json

_SHOWN = {
    *("host", "ready", "message", "draining", "cordon", "engine", "capacity", "load"),
    *("configuration", "web_server", "audit"),
}


def node_lines(node: Json, now: datetime) -> list[Text]:
    """``fxctl node``: what is wrong first, then what is known; parts unknown to us as they are."""
    ready = bool(node.get("ready"))
    lines = [Text.assemble((plain(str(node.get("host") or "")), "bold"))]
    lines.append(Text("ready" if ready else "not ready", style="green" if ready else "bold red"))
    if node.get("message"):
        lines.append(Text(plain(str(node["message"])), style="" if ready else "bold red"))
    if node.get("draining"):
        lines += [Text(line, style="yellow") for line in _cordon(_inner(node, "cordon"), now)]
    configuration = _inner(node, "configuration")
    lines += [Text(line, style="yellow") for line in _differs(configuration)]
    lines.append(Text())
    lines += [Text.assemble((f"{key:<13} ", "bold"), value) for key, value in _values(node, now)]
    return lines


def _cordon(cordon: Json, now: datetime) -> Iterator[str]:
    """Why, then by whose order and since when."""
    why = f": {plain(str(cordon['reason']))}" if cordon.get("reason") else ""
    yield f"takes no new sessions{why}"
    if cordon:
        since = when(moment(str(cordon.get("since") or "")), now)
        yield f"by order of {plain(str(cordon.get('by')))} since {since}"


def _differs(configuration: Json) -> Iterator[str]:
    """In what the files are not what holds."""
    if configuration.get("error"):
        yield "supervisor.yaml was refused at the last reload; the one before it goes on:"
        yield from (f"  {plain(line)}" for line in str(configuration["error"]).splitlines())
    if kept := configuration.get("kept"):
        yield f"changed in supervisor.yaml, and waiting for a restart: {plain(_flat(kept))}"
    if refused := configuration.get("templates_refused"):
        yield "templates that cannot be used:"
        yield from (f"  {plain(str(fault))}" for fault in refused)


def _values(node: Json, now: datetime) -> Iterator[tuple[str, str]]:
    engine, capacity, load = (_inner(node, key) for key in ("engine", "capacity", "load"))
    state = "" if engine.get("reachable") else ", does not answer"
    named = " ".join(plain(str(engine[key])) for key in ("name", "version") if engine.get(key))
    version = f" (API {plain(str(engine['api_version']))})" if engine.get("api_version") else ""
    yield "engine", f"{named}{version} at {plain(str(engine.get('url') or '?'))}{state}".lstrip()
    most = capacity.get("max_sessions")
    limit = "" if most is None else f" of {most}"
    pending = f", {load['pending']} pending" if load.get("pending") else ""
    yield "sessions", f"{load.get('sessions', 0)}{limit}{pending}"
    average = load.get("average")
    if isinstance(average, list):
        shown = " ".join(f"{value:.2f}" for value in average if isinstance(value, int | float))
        yield "load", f"{shown} (on {capacity.get('cpus', '?')} CPUs)"
    loaded_at = moment(str(_inner(node, "configuration").get("loaded_at") or ""))
    if loaded_at is not None:
        yield "configuration", f"of {when(loaded_at, now)}"
    yield from _followers(_inner(node, "web_server"), now)
    yield from _audit(_inner(node, "audit"))
    for key, value in node.items():
        if key not in _SHOWN and value not in (None, "", {}, []):
            yield plain(key), plain(_flat(value))


def _followers(web_server: Json, now: datetime) -> Iterator[tuple[str, str]]:
    """Whether anybody hears of sessions' ends."""
    if not web_server:
        return
    streams = web_server.get("streams") or 0
    seen = moment(str(web_server.get("last_seen_at") or ""))
    if streams:
        yield "web server", f"{streams} reader{'' if streams == 1 else 's'} of events"
    elif seen is not None:
        yield "web server", f"reads no events since {when(seen, now)}"
    else:
        yield "web server", "has read no events since the daemon was started"


def _audit(audit: Json) -> Iterator[tuple[str, str]]:
    if lost := audit.get("records_lost"):
        error = f": {plain(str(audit['error']))}" if audit.get("error") else ""
        yield "audit", f"{lost} record{'' if lost == 1 else 's'} lost{error}"


def _flat(value: object) -> str:
    """One line: ``state=delivering, waiting=0``."""
    if isinstance(value, dict):
        pairs = ((key, each) for key, each in value.items() if each not in (None, "", [], {}))
        return ", ".join(f"{key}={_flat(each)}" for key, each in pairs)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _inner(node: Json, key: str) -> Json:
    found = node.get(key)
    return found if isinstance(found, dict) else {}
