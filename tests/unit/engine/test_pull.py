"""Progress of pulls, from lines as real engines send them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervisor.engine.pull import PullProgress

END = {"status": "Status: Downloaded newer image for x:1"}


def layer(name: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    """A line about a layer."""
    detail = {"current": current, "total": total} if total else {}
    return {"id": name, "status": status, "progressDetail": detail}


def percent(progress: PullProgress) -> int:
    """How much is here."""
    return round(100 * progress.fraction)


def told(progress: PullProgress, *lines: dict[str, Any]) -> list[float]:
    """The fraction after each line that was a sign of life."""
    return [progress.fraction for line in lines if progress.take(line)]


def test_a_pull_from_nothing_to_all() -> None:
    """Download and unpacking of every layer count by their bytes; the end is one."""
    progress = PullProgress()
    assert told(
        progress,
        {"status": "Pulling from library/x", "id": "latest"},
        layer("a", "Pulling fs layer"),
        layer("b", "Pulling fs layer"),
        layer("a", "Downloading", 50, 100),
        layer("b", "Downloading", 0, 300),
        layer("b", "Downloading", 300, 300),
        layer("a", "Download complete"),
        layer("b", "Verifying Checksum"),
        layer("a", "Extracting", 100, 100),
        layer("a", "Pull complete"),
        layer("b", "Extracting", 150, 300),
        layer("b", "Pull complete"),
        {"status": "Digest: sha256:1"},
    ) == [0.17, 0.17, 0.61, 0.7, 0.7, 0.77, 0.77, 0.88, 1.0]
    assert not progress.finished
    progress.take(END)
    assert progress.finished


def test_layers_that_are_here_weigh_nothing() -> None:
    """A pull that has only the last layer to fetch begins at zero all the same."""
    progress = PullProgress()
    assert not told(progress, layer("a", "Already exists"), layer("b", "Already exists"))
    told(progress, layer("c", "Pulling fs layer"), layer("c", "Downloading", 10, 100))
    assert percent(progress) == 7


def test_a_layer_found_here_after_all() -> None:
    """Containerd's store lists all layers first; what it finds is no work any more."""
    progress = PullProgress()
    told(progress, layer("a", "Pulling fs layer"), layer("b", "Pulling fs layer"))
    told(progress, layer("a", "Already exists"), layer("b", "Downloading", 50, 100))
    assert percent(progress) == 35


def test_layers_whose_turn_has_not_come() -> None:
    """Three small layers of six are no half, but no more than one by their number either."""
    progress = PullProgress()
    told(progress, *(layer(name, "Pulling fs layer") for name in "abcdef"))
    for name in "abc":
        told(progress, layer(name, "Downloading", 100, 100), layer(name, "Pull complete"))
    assert percent(progress) == 50


def test_nothing_is_whole_before_its_end() -> None:
    """Percents are rounded down."""
    progress = PullProgress()
    told(progress, layer("a", "Extracting", 9_999, 10_000))
    assert percent(progress) == 99


def test_less_than_a_percent_is_a_sign_of_life() -> None:
    """A layer of gigabytes moves long before its percent does; a download that begins anew not."""
    progress = PullProgress()
    assert progress.take(layer("a", "Downloading", 1_000, 10_000_000))
    assert progress.take(layer("a", "Downloading", 2_000, 10_000_000))
    assert percent(progress) == 0
    assert not progress.take(layer("a", "Downloading", 2_000, 10_000_000))
    assert not progress.take(layer("a", "Downloading", 500, 10_000_000))
    assert progress.take(layer("a", "Retrying in 5 seconds"))


def test_containerd_counts_seconds_while_it_unpacks() -> None:
    """Each of them is a sign of life and nearly no progress."""
    progress = PullProgress()
    told(progress, layer("a", "Downloading", 1_000_000, 1_000_000), layer("a", "Download complete"))
    for second in range(1, 4):
        line = layer("a", "Extracting") | {"progressDetail": {"current": second, "units": "s"}}
        assert progress.take(line)
    assert percent(progress) == 70


LINES = st.builds(
    layer,
    st.sampled_from("abc"),
    st.sampled_from(
        [
            *("Waiting", "Downloading", "Download complete", "Extracting", "Pull complete"),
            *("Retrying in 5 seconds", "Already exists", "Something new"),
        ]
    ),
    st.integers(0, 100),
    st.integers(0, 100),
)


@given(st.lists(LINES, max_size=40))
def test_progress_never_goes_back(lines: list[dict[str, Any]]) -> None:
    """Whatever the registry does, the fraction grows within its bounds; what moves it is news."""
    progress = PullProgress()
    for line in lines:
        before = progress.fraction
        assert progress.take(line) or progress.fraction == before
        assert before <= progress.fraction <= 1.0
