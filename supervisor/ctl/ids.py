"""From what somebody typed to a session's full id."""

from __future__ import annotations

import re

from supervisor.ctl.client import Client
from supervisor.ctl.errors import AmbiguousIdError, NoSuchSessionError
from supervisor.ctl.text import plain
from supervisor.ctl.views import SessionView

_WHOLE = re.compile(r"[0-9a-z]{26}")
_SHOWN = 5


def _is_part(wanted: str, session: SessionView) -> bool:
    return session.id.endswith(wanted) or any(
        shown.startswith(wanted) for shown in (session.id, session.short_id)
    )


async def resolve(client: Client, typed: str) -> str:
    """The one id that is ``typed``, ends with it or begins with it, whole or as it is shown.

    Raises NoSuchSessionError, AmbiguousIdError with the candidates.
    """
    wanted = typed.strip().lower()
    if _WHOLE.fullmatch(wanted):
        return wanted
    sessions = await client.sessions() if wanted else []
    found = [s for s in sessions if _is_part(wanted, s)]
    match found:
        case [only]:
            return only.id
        case []:
            raise NoSuchSessionError(
                f"No session has an id that begins or ends with {plain(typed)!r}; "
                "fxctl ps --all lists them."
            )
        case _:
            listed = ", ".join(f"{s.short_id} ({s.user}, {s.phase})" for s in found[:_SHOWN])
            more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
            raise AmbiguousIdError(
                f"{len(found)} sessions have an id like {plain(typed)!r}: {listed}{more}; "
                "type more of it."
            )
