"""Where frames begin and end, in whatever pieces they come."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.display.frames import FrameCounter, close_frame

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


def frame(length: int, *, masked: bool = False, opcode: int = 2) -> bytes:
    """One frame of so many bytes."""
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes((0x80 | opcode, bit | length))
    elif length < 65_536:
        head = bytes((0x80 | opcode, bit | 126)) + struct.pack(">H", length)
    else:
        head = bytes((0x80 | opcode, bit | 127)) + struct.pack(">Q", length)
    return head + (b"mask" if masked else b"") + bytes(length)


@given(
    lengths=st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 70_000), max_size=8),
    masked=st.booleans(),
)
def test_boundaries_are_found(lengths: list[int], cuts: list[int], masked: bool) -> None:  # noqa: FBT001
    """Wherever the bytes are cut: at a boundary exactly when a whole frame has passed."""
    frames = [frame(length, masked=masked) for length in lengths]
    data = b"".join(frames)
    ends: set[int] = set()
    for each in frames:
        ends.add(len(each) + max(ends, default=0))
    counter, position = FrameCounter(), 0
    for cut in [*cuts, len(data)]:
        piece = data[position : position + cut]
        assert counter.pass_by(piece) == len(piece)
        position += len(piece)
        assert counter.at_boundary == (position in ends or position == 0)


@given(length=st.sampled_from(LENGTHS), before=st.integers(1, 70_020), after=st.binary(max_size=20))
def test_what_completes_a_frame_is_told(length: int, before: int, after: bytes) -> None:
    """From within a frame: so many bytes to its end, and not one more."""
    data = frame(length)
    before = min(before, len(data))
    counter = FrameCounter()
    counter.pass_by(data[:before])
    assert counter.pass_by(data[before:] + after, to_boundary=True) == len(data) - before
    assert counter.at_boundary
    assert counter.pass_by(after, to_boundary=True) == 0


def test_a_close_is_seen() -> None:
    """After it there is nothing to be said."""
    counter = FrameCounter()
    counter.pass_by(frame(10))
    before = counter.closed
    counter.pass_by(close_frame(4401))
    assert (before, counter.closed) == (False, True)
    assert counter.at_boundary


@pytest.mark.parametrize("reason", ["", "signed out", "x" * 300])
def test_a_close_frame_is_one(reason: str) -> None:
    """A head of two bytes, the code, the reason as far as it fits (RFC 6455, 5.5)."""
    made = close_frame(4401, reason)
    assert made[0] == 0x88
    assert made[1] == len(made) - 2 <= 125
    assert made[2:4] == struct.pack(">H", 4401)
