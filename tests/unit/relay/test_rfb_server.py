"""What a server says is framed right wherever it is cut, and its clipboard is kept back."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.display.rfb import ClientStream
from relay.display.rfb_server import ServerStream
from relay.display.rfb_terms import CONTROL_ENCODINGS, PICTURES, VIEW_ENCODINGS, Agreed, RfbError
from supervisor.lifecycle.session import ClipboardPolicy
from supervisor.lifecycle.tickets import Mode
from tests.unit.relay import rfb_messages as viewer
from tests.unit.relay import rfb_server_messages as rfb
from tests.unit.relay.test_rfb import LIMIT, PLACES, cut

BLOCKED = [ClipboardPolicy.IN, ClipboardPolicy.OFF]


def sieve(*, textless: bool = False, version: bytes = b"RFB 003.008\n") -> ServerStream:
    """Of a viewer who has said its version."""
    return ServerStream(Agreed(version), textless=textless)


def left(stream: bytes, places: list[int] | None = None, *, textless: bool = False) -> bytes:
    """What goes on of a stream after the greeting."""
    server = sieve(textless=textless)
    pieces = cut(rfb.GREETING + stream, places or [])
    return b"".join(server.feed(piece) for piece in pieces).removeprefix(rfb.GREETING)


MESSAGES = st.lists(st.sampled_from([*rfb.OTHERS, *rfb.TEXTS, *rfb.AGREEMENTS]), max_size=12)


@given(messages=MESSAGES, places=PLACES, textless=st.booleans())
def test_exactly_the_clipboards_text_is_missing(
    messages: list[bytes], places: list[int], *, textless: bool
) -> None:
    """Whatever the order and wherever cut; agreements without text pass where told."""
    passing = rfb.OTHERS + (rfb.AGREEMENTS if textless else ())
    expected = b"".join(message for message in messages if message in passing)
    assert left(b"".join(messages), places, textless=textless) == expected


@pytest.mark.parametrize("content", rfb.RECTANGLES.values(), ids=rfb.RECTANGLES)
def test_each_encoding_byte_by_byte(content: bytes) -> None:
    """A text right after the rectangle is found and kept back, whatever its content looks like."""
    stream = rfb.update(content) + rfb.cut_text() + rfb.BELL
    everywhere = list(range(len(rfb.GREETING + stream)))
    assert left(stream, everywhere) == rfb.update(content) + rfb.BELL


def test_what_may_be_asked_for_can_be_framed() -> None:
    """Each picture and pseudo-encoding that a viewer's wishes may hold has a rectangle here."""
    framed = {struct.unpack_from(">i", each, 8)[0] for each in [*rfb.RECTANGLES.values(), rfb.LAST]}
    for each in (PICTURES | VIEW_ENCODINGS | CONTROL_ENCODINGS) - framed:
        server = sieve()
        server.feed(rfb.GREETING)
        try:
            server.feed(rfb.update(rfb.rectangle(each, bytes(64), 1, 1)))
        except RfbError as error:
            # Says how, and is never sent: levels, fences, updates unasked, xvp, the clipboard.
            assert "not asked for" in str(error), each  # noqa: PT017 either is fine
            assert each not in PICTURES


def test_a_capability_list_passes_and_one_with_text_does_not() -> None:
    """Caps name what the server can do, among it notify and provide: the list is no text."""
    assert left(rfb.CAPS, textless=True) == rfb.CAPS
    assert left(rfb.extended(0x11000001, bytes(200)), textless=True) == b""


@pytest.mark.parametrize(
    ("version", "greeting"),
    [
        (b"RFB 003.003\n", b"RFB 003.008\n" + struct.pack(">I", 1)),
        (b"RFB 003.007\n", b"RFB 003.008\n\x01\x01"),
    ],
)
def test_older_versions_are_greeted_otherwise(version: bytes, greeting: bytes) -> None:
    """What follows the greeting is found in each."""
    start = rfb.GREETING.index(struct.pack(">HH", 16, 8))
    stream = greeting + rfb.GREETING[start:] + rfb.BELL
    server = sieve(version=version)
    assert server.feed(stream + rfb.cut_text() + rfb.BELL) == stream + rfb.BELL


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff",
        b"\x04",
        rfb.update(rfb.rectangle(5)),
        rfb.update(rfb.rectangle(7, b"\xa0")),
        rfb.update(rfb.rectangle(7, b"\x40\x03")),
        rfb.update(rfb.rectangle(-314, struct.pack(">i", 7))),
        rfb.update(rfb.rectangle(16, b"\xff\xff\xff\xff")),
    ],
    ids=["message", "type-4", "hextile", "tight-kind", "tight-filter", "cursor-in", "too-long"],
)
def test_what_cannot_be_framed_ends_the_stream(stream: bytes) -> None:
    """After it anything could follow."""
    with pytest.raises(RfbError):
        left(stream)


@given(stream=st.binary(max_size=300), places=PLACES)
def test_no_bytes_at_all_make_it_fail_otherwise_than_by_its_own_error(
    stream: bytes, places: list[int]
) -> None:
    """Garbage before or after the greeting."""
    for opening in (b"", rfb.GREETING):
        server = sieve()
        with suppress(RfbError):
            for piece in cut(opening + stream, places):
                server.feed(piece)


def test_pixels_of_another_size_are_framed_as_agreed() -> None:
    """The viewer's SetPixelFormat says how long a raw rectangle is."""
    client = ClientStream(Mode.CONTROL, LIMIT, ClipboardPolicy.OFF)
    client.feed(viewer.OPENING)
    server = ServerStream(client.agreed, textless=False)
    assert server.feed(rfb.GREETING) == rfb.GREETING
    small = struct.pack(">BBBBHHHBBBxxx", 16, 16, 0, 1, 31, 63, 31, 11, 5, 0)
    client.feed(bytes(4) + small + viewer.UPDATE_REQUEST)
    raw = rfb.update(rfb.rectangle(0, b"\x03" * 30))
    assert server.feed(raw + rfb.cut_text() + rfb.BELL) == raw + rfb.BELL
    with pytest.raises(RfbError, match="may not change"):
        client.feed(viewer.PIXEL_FORMAT)


@pytest.mark.parametrize("policy", ClipboardPolicy)
@pytest.mark.parametrize("mode", Mode)
def test_who_may_have_text_of_the_viewer(mode: Mode, policy: ClipboardPolicy) -> None:
    """Inward: by the policy, and never of a view-only viewer. Everything else in control passes."""
    client = ClientStream(mode, LIMIT, policy)
    stream = viewer.OPENING + viewer.CUT_TEXT + viewer.LONG_CUT_TEXT + viewer.UPDATE_REQUEST
    forwarded = b"".join(client.feed(bytes([byte])).forward for byte in stream)
    allowed = mode is Mode.CONTROL and policy in {ClipboardPolicy.BOTH, ClipboardPolicy.IN}
    texts = viewer.CUT_TEXT + viewer.LONG_CUT_TEXT if allowed else b""
    assert forwarded == viewer.OPENING + texts + viewer.UPDATE_REQUEST


@pytest.mark.parametrize("policy", BLOCKED)
def test_what_could_not_be_framed_is_not_asked_for(policy: ClipboardPolicy) -> None:
    """Hextile and what is unknown are struck; the extended clipboard only if there is none."""
    client = ClientStream(Mode.CONTROL, LIMIT, policy)
    client.feed(viewer.OPENING)
    asked = viewer.encodings(5, 7, -1063131698, 0x7FFFFFFF, -258)
    kept = (7, -1063131698, -258) if policy is ClipboardPolicy.IN else (7, -258)
    assert client.feed(asked).forward == viewer.encodings(*kept)


def test_outward_only_the_viewer_may_still_ask_for_the_text() -> None:
    """The extended clipboard: a request is no text, an announcement is the first half of one."""
    client = ClientStream(Mode.CONTROL, LIMIT, ClipboardPolicy.OUT)
    client.feed(viewer.OPENING)
    request, notify, provide = (
        b"\x06" + message[1:] for message in (rfb.REQUEST, rfb.NOTIFY, rfb.PROVIDE)
    )
    assert client.feed(request + notify + provide).forward == request


@pytest.mark.parametrize("policy", [ClipboardPolicy.OUT, *BLOCKED])
def test_behind_an_unknown_message_no_text_can_hide(policy: ClipboardPolicy) -> None:
    """A viewer whose clipboard is not restricted may say what the relay does not know."""
    client = ClientStream(Mode.CONTROL, LIMIT, policy)
    client.feed(viewer.OPENING)
    with pytest.raises(RfbError):
        client.feed(b"\x07" + viewer.CUT_TEXT)
