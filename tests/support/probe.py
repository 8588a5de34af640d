"""Runs inside a container, by its Python: what of other sessions' displays is in reach.

Prints one JSON object. Arguments: the uid whose sockets are looked for, and the display's number.
"""

import json
import socket
import sys
from pathlib import Path


def rows(name: str) -> list[list[str]]:
    """A table of /proc/net, without its head."""
    try:
        with open(f"/proc/net/{name}", encoding="ascii") as table:  # noqa: PTH123 no pathlib there
            return [row.split() for row in table.readlines()[1:]]
    except OSError:
        return []


def answers(family: int, address: tuple[str, int] | str) -> bool:
    """Whether somebody accepts a connection."""
    with socket.socket(family) as attempt:
        attempt.settimeout(2)
        try:
            attempt.connect(address)
        except OSError:
            return False
        return True


def look(uid: str, display: int) -> dict[str, object]:
    """Everything at once."""
    unix = [row[7] for row in rows("unix") if len(row) > 7]
    inet = [(name, row) for name in ("tcp", "tcp6", "udp", "udp6") for row in rows(name)]
    listening = [(name, row[1]) for name, row in inet if row[7] == uid and row[3] in {"0A", "07"}]
    here = f"/tmp/.X11-unix/X{display}"
    return {
        "listening": listening,
        "tcp": [port for port in range(6000, 6010) if answers(socket.AF_INET, ("127.0.0.1", port))],
        "abstract": [name for name in unix if name.startswith(("@/tmp/.X11", "@/tmp/.ICE"))],
        "abstract_answers": answers(socket.AF_UNIX, "\0" + here),
        "named": unix,
        "sockets": sorted(each.name for each in Path("/tmp/.X11-unix").glob("X*")),
        "programs": sorted(_names()),
        "shared_memory": [row for row in _shared_memory() if row[7] == uid],
    }


def _names() -> list[str]:
    found = []
    for pid in filter(str.isdigit, (each.name for each in Path("/proc").iterdir())):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as name:  # noqa: PTH123
                found.append(name.read().strip())
        except OSError:
            continue
    return found


def _shared_memory() -> list[list[str]]:
    with open("/proc/sysvipc/shm", encoding="ascii") as table:  # noqa: PTH123
        return [row.split() for row in table.readlines()[1:]]


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1], int(sys.argv[2]))))  # noqa: T201 that is its answer
