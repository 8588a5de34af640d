"""What a viewer says is framed right wherever it is cut, and a view-only one cannot act."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.display.rfb import ClientStream, RfbError
from relay.display.rfb_terms import pixel_sizes
from supervisor.lifecycle.tickets import Mode
from tests.unit.relay import rfb_messages as rfb

LIMIT = 1024


def fed(mode: Mode, *chunks: bytes) -> bytes:
    """What is forwarded of these chunks; the server has greeted already."""
    client = ClientStream(mode, LIMIT)
    client.agreed.pixel = pixel_sizes(rfb.PIXELS)
    return b"".join(client.feed(chunk).forward for chunk in chunks)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces."""
    bounds = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


MESSAGES = st.lists(st.sampled_from([*rfb.INPUT, *rfb.PASSIVE]), max_size=20)
PLACES = st.lists(st.integers(0, 2000), max_size=40)


@given(messages=MESSAGES, places=PLACES)
def test_a_view_only_viewer_gets_everything_but_input_through(
    messages: list[bytes], places: list[int]
) -> None:
    """Whatever the order and wherever cut, exactly the input messages are missing."""
    stream = rfb.OPENING + b"".join(messages)
    passive = b"".join(message for message in messages if message in rfb.PASSIVE)
    assert fed(Mode.VIEW, *cut(stream, places)) == rfb.OPENING + passive


@given(messages=MESSAGES, places=PLACES)
def test_a_viewer_in_control_is_forwarded_byte_for_byte(
    messages: list[bytes], places: list[int]
) -> None:
    """Nothing is changed, wherever the stream is cut."""
    stream = rfb.OPENING + b"".join(messages)
    assert fed(Mode.CONTROL, *cut(stream, places)) == stream


@given(stream=st.binary(max_size=200), places=PLACES)
def test_no_bytes_at_all_make_the_parser_fail_otherwise_than_by_its_own_error(
    stream: bytes, places: list[int]
) -> None:
    """Garbage after the opening ends a view-only stream or passes; nothing else happens."""
    for mode in Mode:
        client = ClientStream(mode, LIMIT)
        with suppress(RfbError):
            for chunk in cut(rfb.OPENING + stream, places):
                client.feed(chunk)


@pytest.mark.parametrize("message", rfb.INPUT, ids=lambda m: m[:2].hex())
@pytest.mark.parametrize("opening", [rfb.OPENING, b"RFB 003.007\n\x01\x01", b"RFB 003.003\n\x01"])
def test_each_kind_of_input_is_dropped_byte_by_byte(opening: bytes, message: bytes) -> None:
    """Every input message, every opening, one byte at a time: only what follows it arrives."""
    stream = opening + message + rfb.UPDATE_REQUEST
    pieces = [bytes([byte]) for byte in stream]
    assert fed(Mode.VIEW, *pieces) == opening + rfb.UPDATE_REQUEST


def test_a_view_only_viewer_cannot_put_others_out() -> None:
    """ClientInit without the shared flag asks the server to disconnect everybody else."""
    assert fed(Mode.VIEW, rfb.HELLO + b"\x00") == rfb.HELLO + b"\x01"


def test_a_view_only_viewer_cannot_negotiate_messages_the_relay_cannot_frame() -> None:
    """Unknown encodings, extended buttons and the extended clipboard are struck from its wishes."""
    asked = rfb.encodings(16, -316, 0x7FFFFFFF, -1063131698, -239)
    assert fed(Mode.VIEW, rfb.OPENING, asked) == rfb.OPENING + rfb.encodings(16, -239)


@pytest.mark.parametrize(
    "stream",
    [
        b"RFB 003.889\n",
        b"GET / HTTP/1",
        b"RFB 003.008\n\x02",
        rfb.OPENING + b"\x07",
        rfb.OPENING + struct.pack(">BB", 255, 9),
    ],
    ids=["version", "not-rfb", "security", "message", "qemu"],
)
def test_what_cannot_be_framed_ends_a_view_only_stream_and_not_one_in_control(
    stream: bytes,
) -> None:
    """After an unknown message anything could follow; who may do anything may do that, too."""
    with pytest.raises(RfbError) as raised:
        fed(Mode.VIEW, stream)
    assert raised.value.close_code == 1008
    assert fed(Mode.CONTROL, stream, b"rest") == stream + b"rest"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("size", [LIMIT + 1, -LIMIT - 1, -(2**31)])
def test_too_much_clipboard_ends_the_stream(mode: Mode, size: int) -> None:
    """A length beyond the bound is refused when it is announced, not when it has arrived."""
    client = ClientStream(mode, LIMIT)
    client.feed(rfb.OPENING)
    with pytest.raises(RfbError) as raised:
        client.feed(struct.pack(">Bxxxi", 6, size))
    assert raised.value.close_code == 1009


def test_input_in_control_is_noticed() -> None:
    """Keyboard, pointer and clipboard show that somebody is there; asking for pictures does not."""
    client = ClientStream(Mode.CONTROL, LIMIT)
    assert not client.feed(rfb.OPENING).used
    assert not client.feed(rfb.UPDATE_REQUEST + rfb.FENCE).used
    assert client.feed(rfb.UPDATE_REQUEST + rfb.KEY).used
    assert client.feed(rfb.POINTER).used
    assert not client.feed(rfb.PIXEL_FORMAT).used


def test_extended_buttons_are_framed_once_they_were_asked_for() -> None:
    """The longer PointerEvent is told by the top bit of its mask, if the viewer negotiated it."""
    client = ClientStream(Mode.CONTROL, LIMIT)
    client.feed(rfb.OPENING + rfb.encodings(-316) + rfb.LONG_POINTER + rfb.UPDATE_REQUEST)
    assert not client.feed(rfb.UPDATE_REQUEST).used
    assert client.feed(rfb.KEY).used


INPUT_KINDS = {4, 5, 6, 250, 251, 253, 255}
FRAMED = {0: 20, 3: 10, 150: 10}


def kinds_of(stream: bytes) -> list[int]:
    """The messages that an X server would read in what a view-only viewer may say."""
    found = []
    at = 0
    while at < len(stream):
        kind = stream[at]
        found.append(kind)
        head = stream[at:].ljust(12, b"\0")
        match kind:
            case 1:
                at += 6 + 6 * int.from_bytes(head[4:6], "big")
            case 2:
                at += 4 + 4 * int.from_bytes(head[2:4], "big")
            case 248:
                at += 9 + head[8]
            case _:
                at += FRAMED.get(kind, 1)
    return found


NOISE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([*rfb.INPUT, *rfb.PASSIVE]),
    st.sampled_from([*rfb.INPUT, *rfb.PASSIVE]).flatmap(
        lambda message: st.integers(0, len(message)).map(lambda at: message[:at])
    ),
)


@given(noise=st.lists(NOISE, max_size=12), places=PLACES)
def test_no_noise_lets_a_view_only_viewers_input_pass(
    noise: list[bytes], places: list[int]
) -> None:
    """Messages, halves of them and garbage, however cut: the server reads no input in the rest."""
    client = ClientStream(Mode.VIEW, LIMIT)
    passed = b""
    with suppress(RfbError):
        for chunk in cut(rfb.OPENING + b"".join(noise), places):
            passed += client.feed(chunk).forward
    assert not INPUT_KINDS & set(kinds_of(passed.removeprefix(rfb.OPENING)))


@given(noise=st.lists(NOISE, max_size=40), places=PLACES)
def test_what_is_kept_of_a_viewers_words_is_bounded(noise: list[bytes], places: list[int]) -> None:
    """A head that is not whole, and one list of encodings; never what was forwarded."""
    for mode in Mode:
        client = ClientStream(mode, LIMIT)
        with suppress(RfbError):
            for chunk in cut(rfb.OPENING + b"".join(noise), places):
                client.feed(chunk)
                assert len(client._pending) <= 12
