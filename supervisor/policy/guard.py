"""What stands between a rendered template and the engine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from supervisor.engine.payload import container_body
from supervisor.errors import ImageNotAllowedError, PolicyError
from supervisor.host.identity import Identity
from supervisor.lifecycle.errors import FieldError, UnavailableError
from supervisor.policy.defaults import with_defaults
from supervisor.policy.images import is_allowed
from supervisor.policy.judge import Subject, judge
from supervisor.policy.rules import Policy
from supervisor.template.spec import ContainerSpec

JUDGE_SECONDS = 10.0
"""Mounts are looked at, and a file server may hang."""

_THREADS = ThreadPoolExecutor(4, thread_name_prefix="policy")
"""Of their own: while it hangs, only starts wait for it."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets through what the policy allows, with limits for what was left open."""

    policy: Policy

    def admit(self, spec: ContainerSpec, identity: Identity) -> ContainerSpec:
        """The container as it may be; blocks while it looks at mounts.

        Raises PolicyError with every breach, ImageNotAllowedError for an image.
        """
        if not is_allowed(spec.image, self.policy.images):
            message = (
                f"The image {spec.image} is not allowed on this host: "
                "an administrator can allow it in supervisor.yaml (policy.images)."
            )
            raise ImageNotAllowedError(message)
        spec = with_defaults(spec, self.policy)
        subject = Subject(uid=identity.uid, gid=identity.gid, home=Path(identity.home))
        breaches = judge(container_body(spec), self.policy, subject)
        if breaches:
            told = "; ".join(f"{each.what} [{each.key}]" for each in breaches)
            message = (
                f"The policy of this host (supervisor.yaml) does not allow this container: {told}."
            )
            raise PolicyError(
                message, errors=tuple(FieldError((each.key,), each.what) for each in breaches)
            )
        return spec

    async def admitted(self, spec: ContainerSpec, identity: Identity) -> ContainerSpec:
        """The same on a thread. Raises UnavailableError too, when a mount cannot be looked at."""
        try:
            async with asyncio.timeout(JUDGE_SECONDS):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(_THREADS, self.admit, spec, identity)
        except TimeoutError:
            message = (
                "The sources of the session's mounts could not be looked at within "
                f"{JUDGE_SECONDS:g} s: does a file server hang? Try again."
            )
            raise UnavailableError(message) from None
