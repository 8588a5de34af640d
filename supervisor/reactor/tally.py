"""What is counted for the metrics; states are not, for counts of them would drift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Numbers that only grow, from the start of this life of the daemon."""

    sessions_adopted: int = 0
    adoptions_failed: int = 0
    sessions_rebuilt: int = 0
    orphans_found: int = 0
    orphans_removed: int = 0
    drift_by_remedy: Counter[str] = field(default_factory=Counter)
    """Differences that a listing showed and no event had told, by the name of their remedy."""

    @property
    def drift_found(self) -> int:
        """All of them."""
        return self.drift_by_remedy.total()
