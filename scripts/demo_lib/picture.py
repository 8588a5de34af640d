"""What the display shows, as a file: PNG for looking at it, SVG for the README.

The SVG has a path per colour, made of horizontal runs of pixels: text, which a repository can hold.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from pathlib import Path

from PIL import Image

COLOURS = 24


def save_picture(image: Image.Image, file: Path) -> None:
    """Write the image in the format that the file's name asks for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".svg":
        file.write_text(_svg(image), encoding="ascii")
    else:
        image.save(file)


def _svg(image: Image.Image) -> str:
    width, height = image.size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n'
        f"{paths(image, COLOURS)}\n</svg>\n"
    )


def paths(image: Image.Image, colours: int) -> str:
    """The image in so many colours, as SVG elements at the origin."""
    width, height = image.size
    reduced = image.quantize(colours, dither=Image.Dither.NONE)
    palette = reduced.getpalette() or []
    indexes = reduced.tobytes()
    runs: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for y in range(height):
        x = 0
        for colour, group in groupby(indexes[y * width : (y + 1) * width]):
            length = sum(1 for _ in group)
            runs[colour].append((x, y, length))
            x += length
    most = max(runs, key=lambda colour: sum(length for _, _, length in runs[colour]))
    drawn = "\n".join(
        f'<path stroke="{_hex(palette, colour)}" d="{_path(pieces)}"/>'
        for colour, pieces in sorted(runs.items())
        if colour != most
    )
    return (
        f'<rect width="{width}" height="{height}" fill="{_hex(palette, most)}"/>\n'
        # Wider than a row, for shown in another size there would be gaps between them.
        f'<g stroke-width="1.25" transform="translate(0 .5)">\n{drawn}\n</g>'
    )


def _path(runs: list[tuple[int, int, int]]) -> str:
    """Each run begins where the one before has ended, so many pixels on: that is the shortest."""
    words, at = [], (0, 0)
    for x, y, length in runs:
        words.append(f"m{x - at[0]} {y - at[1]}h{length}")
        at = (x + length, y)
    return "".join(words)


def _hex(palette: list[int], colour: int) -> str:
    red, green, blue = palette[3 * colour : 3 * colour + 3]
    return f"#{red:02x}{green:02x}{blue:02x}"
