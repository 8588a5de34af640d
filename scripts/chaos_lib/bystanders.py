"""Containers that are none of this daemon's business, and must stay as they are."""

from __future__ import annotations

from contextlib import suppress

from scripts.chaos_lib.processes import ChaosError
from scripts.chaos_lib.tally import Kind, Violation
from scripts.chaos_lib.witness import LABEL, Container, Witness

_STRANGE_SESSION = "01hf0000000000000000000000"


class Bystanders:
    """One without a label, one of another instance, one of that which has not been started."""

    def __init__(self, witness: Witness, mark: str) -> None:
        self._witness = witness
        self._mark = mark
        self._were: dict[str, Container] = {}
        self.disturbed = False
        """Their engine was killed: they may have been, too."""

    async def start(self, image: str) -> None:
        """Start them, and remember them as they are."""
        other = [
            *("--label", f"{LABEL}.owner=another-instance"),
            *("--label", f"{LABEL}.session={_STRANGE_SESSION}"),
        ]
        for how, name, labels in (
            (("run", "-d"), "plain", []),
            (("run", "-d"), "other", other),
            (("create",), "idle", other),
        ):
            options = ("--init", "--network", "none", "--name", f"{self._mark}-{name}")
            ids = await self._witness.docker(*how, *options, *labels, image, "sleep", "100000")
            self._were |= await self._witness.inspect(ids.strip())

    async def judge(self) -> list[Violation]:
        """Whoever is not what it was."""
        if self.disturbed:
            return []
        are = await self._witness.inspect(*self._were)
        return [
            Violation(
                Kind.KILLED, f"foreign container {each.id[:12]} was {each}, is {are.get(each.id)}"
            )
            for each in self._were.values()
            if are.get(each.id) != each
        ]

    async def remove(self) -> None:
        """Take them away."""
        for each in self._were:
            with suppress(ChaosError):
                await self._witness.docker("rm", "-f", each)
