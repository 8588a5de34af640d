"""What a follower missed of the end, told from what it saw and what was reported."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.reactor.last_words import Seen


def missing(seen: bytes, report: str, *, from_beginning: bool = False) -> str:
    """What is told to be missing after this, however it came."""
    whole, pieces = Seen(), Seen()
    whole.add(seen)
    for at in range(0, len(seen), 7):
        pieces.add(seen[at : at + 7])
    told = whole.missing(report, from_beginning=from_beginning)
    assert told == pieces.missing(report, from_beginning=from_beginning)
    return told.decode()


NUMBERS = "".join(f"{number}\n" for number in range(20_000))


@given(st.integers(1, len(NUMBERS)), st.integers(1, 32_768))
def test_the_rest_is_what_comes_after_what_was_seen(seen: int, reported: int) -> None:
    """Wherever it was cut off; if more was missed than was reported, nothing is made up."""
    shown, report = NUMBERS[:seen], NUMBERS[-reported:]
    rest = missing(shown.encode(), report)
    assert rest in ("", NUMBERS[seen:])
    if len(NUMBERS) - seen + 1024 <= reported:
        assert rest == NUMBERS[seen:]


@given(st.text("ab\n", max_size=60), *[st.integers(0, 60)] * 3)
def test_nothing_is_told_twice(output: str, joined: int, seen: int, reported: int) -> None:
    """Also where all lines are alike: what is added never goes beyond the end."""
    shown, report = output[joined:seen], output[max(0, len(output) - reported) :]
    rest = missing(shown.encode(), report)
    assert output.endswith(rest)
    assert len(rest) <= max(0, len(output) - seen)


def test_the_agents_lines_are_none_of_the_commands() -> None:
    """They are passed over, wherever they stand."""
    seen = b"fx-session: display :0 ready\none\ntwo\nfx-session: command ended\n"
    assert missing(seen, "one\ntwo\nthree\n") == "three\n"
    assert missing(seen, "one\ntwo\n") == ""


def test_who_saw_nothing_has_missed_all_or_cannot_know() -> None:
    """All of it from the beginning; who came later may have had it before."""
    assert missing(b"", "one\n", from_beginning=True) == "one\n"
    assert missing(b"fx-session: x\n", "one\n", from_beginning=True) == "one\n"
    assert missing(b"", "one\n") == ""


def test_what_does_not_fit_together_is_left_alone() -> None:
    """Another program's output in between, an agent that lies, no report at all."""
    assert missing(b"one\nother\n", "one\ntwo\n") == ""
    assert missing(b"one\n", "never said\n") == ""
    assert missing(b"one\n", "", from_beginning=True) == ""
