"""How much one user may have at once, and has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.errors import UserNotAllowedError
from supervisor.host.identity import IdentityPolicy, look_up
from supervisor.lifecycle.errors import DeniedError, NotFoundError
from supervisor.lifecycle.session import Phase, Session
from supervisor.reactor.directory import Directory


class QuotaExceededError(DeniedError):
    """The user has as many sessions as one user may."""

    code = "quota_exceeded"


class UserNotFoundError(NotFoundError):
    """No user of that name may have sessions here."""

    code = "user_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """``limits.sessions_per_user``; ``None`` is no limit. A session counts until it has ended."""

    directory: Directory
    identity_policy: Callable[[], IdentityPolicy]
    sessions_per_user: Callable[[], int | None]

    async def show(self, user: str) -> Mapping[str, Any]:
        """Limits and use of one user, JSON-ready. Raises UserNotFoundError."""
        try:
            identity = await look_up(user, self.identity_policy())
        except UserNotAllowedError as error:
            raise UserNotFoundError(str(error)) from error
        sessions = self._live(identity.name)
        return {
            "user": identity.name,
            "limits": {"sessions": self.sessions_per_user()},
            "use": {
                "sessions": len(sessions),
                "memory_bytes": sum(session.usage.memory_bytes for session in sessions),
                "cpu_seconds": sum(session.usage.cpu_seconds for session in sessions),
                "processes": sum(session.usage.processes for session in sessions),
            },
        }

    def require_room(self, user: str, live: int) -> None:
        """Raise QuotaExceededError if a user with so many sessions may have no further one."""
        limit = self.sessions_per_user()
        if limit is None or live < limit:
            return
        message = (
            f"User {user} has {live} sessions, and may have {limit} at once "
            "(limits.sessions_per_user); end one of them first."
        )
        raise QuotaExceededError(message)

    def _live(self, user: str) -> list[Session]:
        return [
            session
            for session in self.directory
            if session.user == user and session.phase is not Phase.ENDED
        ]
