"""What ``scripts/bench display`` says of what it has measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from scripts.bench_lib.display_rounds import Crowd, Stall, Stream
from scripts.bench_lib.figures import Figure, Target, quantile

THROUGHPUT = Target(1.0, is_least=True)
CPU = Target(1.0)
ECHO_OVER_MS = Target(1.0)
VIEWER_MB = Target(1.0)
CROWD_RATE = Target(0.95, is_least=True)
STALLED_MB = Target(1.0)
STALLED_RATE = Target(0.9, is_least=True)


@dataclass
class Samples:
    """Of one side, by what was measured: each a round."""

    streams: list[Stream] = field(default_factory=list)
    echoes: list[list[float]] = field(default_factory=list)
    """Milliseconds, key by key."""
    crowds: list[Crowd] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)


class Rows:
    """One side's figures beside websockify's; a ratio is the median of what pairs of rounds say."""

    def __init__(self, name: str, ours: Samples, theirs: Samples) -> None:
        self.figures: list[Figure] = []
        self._name = name
        self._ours = ours
        self._theirs = theirs

    def of_each(  # noqa: PLR0913, PLR0917 a figure's own
        self,
        part: str,
        what: str,
        label: str,
        unit: str,
        target: Target | None = None,
        of_rounds: Callable[[list[float]], float] = median,
    ) -> None:
        """What was measured; the floor is what websockify did."""
        pairs = self._pairs(part, what)
        values, others = [one for one, _ in pairs], [other for _, other in pairs]
        self._add(what, label, unit, of_rounds, values, others, target)

    def of_both(self, part: str, what: str, target: Target | None = None) -> None:
        """As a multiple of websockify's."""
        values = [one / other for one, other in self._pairs(part, what)]
        self._add(f"{what}_ratio", "   / websockify's", "x", median, values, [], target)

    def of_keys(self, fraction: float, target: Target | None = None) -> None:
        """From a key to its echo: of all keys of all rounds together."""
        ours, theirs = (
            [ms for each in side.echoes for ms in each] for side in (self._ours, self._theirs)
        )
        name = f"p{100 * fraction:g}"

        def pick(values: list[float]) -> float:
            return quantile(values, fraction)

        self._add(f"echo_{name}", f"key -> its echo, {name}", "ms", pick, ours, theirs, None)
        if ours:
            above = [pick(ours) - pick(theirs)]
            self._add(
                f"echo_{name}_above", "   above websockify's", "ms", median, above, [], target
            )

    def _pairs(self, part: str, what: str) -> list[tuple[float, float]]:
        both = zip(getattr(self._ours, part), getattr(self._theirs, part), strict=True)
        return [(getattr(one, what), getattr(other, what)) for one, other in both]

    def _add(  # noqa: PLR0913, PLR0917 a figure's own
        self,
        key: str,
        label: str,
        unit: str,
        pick: Callable[[list[float]], float],
        values: list[float],
        others: list[float],
        target: Target | None,
    ) -> None:
        if values:
            floor = pick(others) if others else None
            key = f"{self._name}_{key}"
            self.figures.append(
                Figure(
                    key=key, label=label, value=pick(values), unit=unit, floor=floor, target=target
                )
            )


def figures(ours: Samples, theirs: Samples) -> list[Figure]:
    """Of the parts that were measured."""
    rows = Rows("this", ours, theirs)
    rows.of_each("streams", "mb_per_second", "one stream", "MB/s")
    rows.of_both("streams", "mb_per_second", THROUGHPUT)
    rows.of_each("streams", "cpu_per_gb", "CPU seconds per GB", "s")
    rows.of_both("streams", "cpu_per_gb", CPU)
    rows.of_each("streams", "x_cpu_per_gb", "   the X server's own", "s")
    rows.of_keys(0.5, ECHO_OVER_MS)
    rows.of_keys(0.99, ECHO_OVER_MS)
    rows.of_each("crowds", "updates_per_second", "many viewers: updates, all together", "/s")
    rows.of_both("crowds", "updates_per_second", CROWD_RATE)
    rows.of_each("crowds", "cpu_ms_per_update", "   CPU per update", "ms")
    rows.of_both("crowds", "cpu_ms_per_update", CPU)
    # What a process once had it keeps: the first round says what later ones do not.
    rows.of_each("crowds", "mb_per_viewer", "   memory, each viewer", "MB", VIEWER_MB, max)
    rows.of_each(
        "stalls", "rate_ratio", "beside one that does not read: updates", "x", STALLED_RATE
    )
    rows.of_each("stalls", "held_mb", "   memory that it costs", "MB", STALLED_MB, max)
    return rows.figures


def portal_figures(name: str, portal: Samples, theirs: Samples) -> list[Figure]:
    """Of the same display by way of a portal, which is one process more."""
    rows = Rows(name, portal, theirs)
    rows.of_each("streams", "mb_per_second", "one stream, by the portal", "MB/s")
    rows.of_both("streams", "mb_per_second")
    rows.of_each("streams", "cpu_per_gb", "CPU seconds per GB", "s")
    rows.of_both("streams", "cpu_per_gb")
    rows.of_keys(0.5)
    rows.of_keys(0.99)
    rows.of_each("crowds", "updates_per_second", "many viewers: updates, all together", "/s")
    rows.of_each("crowds", "cpu_ms_per_update", "   CPU per update", "ms")
    rows.of_both("crowds", "cpu_ms_per_update")
    rows.of_each("crowds", "mb_per_viewer", "   memory, each viewer", "MB", None, max)
    return rows.figures
