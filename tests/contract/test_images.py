"""What every engine knows of images."""

from __future__ import annotations

import pytest

from supervisor.errors import EngineError, EngineUnreachableError
from tests.contract.conftest import Subject


async def test_a_present_image_has_an_id(subject: Subject) -> None:
    """The id is a content hash, and the same each time."""
    image_id = await subject.engine.find_image(subject.image)
    assert image_id is not None
    assert image_id.startswith("sha256:")
    assert await subject.engine.find_image(subject.image) == image_id
    assert await subject.engine.find_image(subject.image_without_perl) != image_id


async def test_an_absent_image_is_none(subject: Subject) -> None:
    """Not being there is an answer, no error."""
    assert await subject.engine.find_image("fx-no-such-image:ever") is None


async def test_reading_an_image(subject: Subject) -> None:
    """Where perl is, and the image's own accounts; no container stays behind."""
    image_id = await subject.engine.find_image(subject.image)
    assert image_id is not None
    contents = await subject.engine.read_image(image_id)
    assert (contents.image_id, contents.perl) == (image_id, "/usr/bin/perl")
    assert contents.passwd.startswith("root:x:0:0:root:")
    assert contents.group.startswith("root:x:0:")
    assert await subject.names() == set()


async def test_an_image_without_perl(subject: Subject) -> None:
    """An image that cannot hold a session is told by its missing perl."""
    image_id = await subject.engine.find_image(subject.image_without_perl)
    assert image_id is not None
    assert (await subject.engine.read_image(image_id)).perl is None
    assert await subject.names() == set()


async def test_reading_what_is_not_there(subject: Subject) -> None:
    """An image that has gone since is refused for good."""
    with pytest.raises(EngineError) as refusal:
        await subject.engine.read_image(f"sha256:{0:064x}")
    assert not isinstance(refusal.value, EngineUnreachableError)
    assert refusal.value.status == 404
