"""What a page looks like, as an SVG: boxes, texts, icons; pictures in it as runs of pixels."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from scripts.demo_lib.picture import paths

DRAWN = (Path(__file__).parent / "drawn.js").read_text(encoding="utf-8")
FONT = "font-family=\"Inter, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\""
COLOURS = 20
"""Of each picture in it."""


async def page_picture(page: Page) -> str:
    """The window's content, now."""
    drawn = await page.evaluate(f"({DRAWN.strip().removesuffix(';')})()")
    width, height = drawn["width"], drawn["height"]
    pieces = [
        piece if isinstance(piece, str) else _raster(piece)  # markup, or a picture's pixels
        for piece in drawn["pieces"]
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>'
    ground = f'<rect width="{width}" height="{height}" fill="{drawn["ground"]}"/>'
    return "\n".join([head, ground, *pieces, "</svg>\n"])


def _raster(piece: dict[str, float | str]) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(str(piece["png"])))).convert("RGB")
    return f'<g transform="translate({piece["x"]} {piece["y"]})">\n{paths(image, COLOURS)}\n</g>'
