"""The heads between pieces of a container's output."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.engine.docker_log import Demultiplexer
from supervisor.errors import EngineError


def framed(output: int, text: bytes) -> bytes:
    """A piece with its head."""
    return struct.pack(">BxxxI", output, len(text)) + text


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))),
    st.lists(st.integers(1, 20), min_size=1),
)
def test_heads_are_taken_out_wherever_the_stream_is_cut(
    pieces: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """What comes out is what was printed, in its order; nothing waits for a piece to be whole."""
    stream = b"".join(framed(output, text) for output, text in pieces)
    demultiplexer, found, at, turn = Demultiplexer(), b"", 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found += demultiplexer.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert found == b"".join(text for _, text in pieces)


def test_the_engines_own_complaint_is_an_error() -> None:
    """It is not taken for something the session has printed."""
    with pytest.raises(EngineError, match="Error grabbing logs: unexpected EOF"):
        Demultiplexer().feed(framed(1, b"x") + framed(3, b"Error grabbing logs: unexpected EOF\n"))
