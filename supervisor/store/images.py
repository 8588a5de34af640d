"""What is known of images by their id; an id is a content hash, so that this never goes stale."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from supervisor.host.image_contents import ImageContents


def find_image(connection: sqlite3.Connection, image_id: str) -> ImageContents | None:
    """What was learnt of the image when it was first used."""
    row = connection.execute("SELECT body FROM images WHERE image_id = ?", (image_id,)).fetchone()
    try:
        return None if row is None else ImageContents(**json.loads(row[0]))
    except (ValueError, TypeError):
        # Overwritten on the disk; it is read again.
        return None


def keep_image(connection: sqlite3.Connection, contents: ImageContents) -> None:
    """Remember what the image holds; JSON's escapes carry text in any encoding."""
    connection.execute(
        "INSERT OR REPLACE INTO images (image_id, body) VALUES (?, ?)",
        (contents.image_id, json.dumps(asdict(contents))),
    )
