"""``networks``, ``ports`` and ``extra_hosts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.template.text import Leaf, Text, rsplit, split

if TYPE_CHECKING:
    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc


def networks(document: Document, value: Tree, loc: Loc) -> Tree:
    """Write out ``[a, b]`` as ``{a: {}, b: {}}``."""
    if not isinstance(value, list):
        return value
    found: dict[str, Tree] = {}
    for index, item in enumerate(value):
        if not isinstance(item, str):
            document.blame((*loc, index), "must be the name of a network, written out")
            continue
        document.place((*loc, item), (*loc, index))
        found[item] = {}
    return found


def ports(_document: Document, value: Tree, _loc: Loc) -> Tree:
    """``[host_ip:][published:]target[/protocol]`` as Compose's long form."""
    if not isinstance(value, list):
        return value
    return [
        {"target": item}
        if isinstance(item, int) and not isinstance(item, bool)
        else _port(item)
        if isinstance(item, (str, Text))
        else item
        for item in value
    ]


def _port(item: Leaf) -> Tree:
    rest, *protocol = rsplit(item, "/", limit=1)
    parts = rsplit(rest, ":", limit=2)
    port: dict[str, Tree] = {"target": parts[-1]}
    if protocol:
        port["protocol"] = protocol[0]
    if len(parts) > 1 and parts[-2] != "":
        port["published"] = parts[-2]
    if len(parts) > 2:
        address = parts[0]
        port["host_ip"] = address.strip("[]") if isinstance(address, str) else address
    return port


def extra_hosts(document: Document, value: Tree, loc: Loc) -> Tree:
    """``host:ip``, ``host=ip`` or ``{host: ip}`` as pairs."""
    match value:
        case dict():
            found: list[Tree] = []
            for host, addresses in value.items():
                many = addresses if isinstance(addresses, list) else [addresses]
                for address in many:
                    document.place((*loc, len(found)), (*loc, host))
                    found.append({"host": host, "address": _bare(address)})
            return found
        case list():
            return [_host(document, item, (*loc, index)) for index, item in enumerate(value)]
        case _:
            return value


def _host(document: Document, item: Tree, loc: Loc) -> Tree:
    if isinstance(item, (str, Text)):
        for separator in ("=", ":"):
            host, *address = split(item, separator, limit=1)
            if address:
                return {"host": host, "address": _bare(address[0])}
    document.blame(loc, "must be host:address")
    return {"host": "invalid", "address": "127.0.0.1"}


def _bare(address: Tree) -> Tree:
    return address.strip("[]") if isinstance(address, str) else address
