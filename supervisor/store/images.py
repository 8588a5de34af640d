"""What is known of images by their id; an id is a content hash, so that this never goes stale."""

from __future__ import annotations

import sqlite3

from pydantic import TypeAdapter

from supervisor.host.image_contents import ImageContents

_BODY = TypeAdapter(ImageContents)


def find_image(connection: sqlite3.Connection, image_id: str) -> ImageContents | None:
    """What was learnt of the image when it was first used."""
    row = connection.execute("SELECT body FROM images WHERE image_id = ?", (image_id,)).fetchone()
    return None if row is None else _BODY.validate_json(row[0])


def keep_image(connection: sqlite3.Connection, contents: ImageContents) -> None:
    """Remember what the image holds."""
    connection.execute(
        "INSERT OR REPLACE INTO images (image_id, body) VALUES (?, ?)",
        (contents.image_id, _BODY.dump_json(contents).decode()),
    )
