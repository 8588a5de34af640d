"""Sessions of the shipped templates, and what is to be seen in them."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from supervisor.template.catalog import SHIPPED
from tests.support.eventually import eventually
from tests.support.web_server import WebServer, Wire

WINDOW_SECONDS = 30.0

COMMAND = "\ncommand: >-\n  "
_WINDOWS = """\
for id in $(xprop -root -notype _NET_CLIENT_LIST | grep -o '0x[0-9a-f]*'); do
    xwininfo -id $id | grep -E 'Width|Height'
    xprop -id $id -notype WM_CLASS WM_NAME
    echo .
done
"""
"""What the window manager manages, one after the other."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window as its window manager has it."""

    text: str
    """Class and title, as xprop tells them."""
    size: tuple[int, int]


def place_template(web: WebServer, name: str, home: Path, **changes: str) -> None:
    """Put the shipped template where administrators put theirs.

    It is as shipped but for ``changes``, and for what programs take for HOME: tests leave the
    user's own as it is.
    """
    text = (SHIPPED / f"{name}.tpl").read_text(encoding="utf-8")
    for old, new in {COMMAND: f"{COMMAND}export HOME={home}; ", **changes}.items():
        assert text.count(old) == 1, f"{old!r} is to stand in {name}.tpl once"
        text = text.replace(old, new)
    web.daemon.write_template(name, text)


@dataclass(frozen=True, slots=True)
class Desktop:
    """A running session."""

    web: WebServer
    session: Wire

    @property
    def id(self) -> str:
        """The session's."""
        return str(self.session["id"])

    async def run(self, *command: str) -> str:
        """Run a program in it to its good end; what it has printed."""
        wish = {"command": list(command), "wait": True}
        answer = await self.web.call("POST", f"/v1/sessions/{self.id}/exec", wish)
        assert (answer.status, answer.body["exit_code"]) == (200, 0), answer.text
        return str(answer.body["output"])

    async def log(self) -> str:
        """What its programs have printed."""
        return (await self.web.call("GET", f"/v1/sessions/{self.id}/log")).text

    async def picture(self) -> Image.Image:
        """What its display shows now."""
        async with self.web.http.get(f"/v1/sessions/{self.id}/screenshot") as answer:
            assert answer.status == 200
            return Image.open(io.BytesIO(await answer.read())).convert("RGB")

    async def windows(self) -> list[Window]:
        """What the window manager manages; empty while there is none."""
        told = (await self.run("sh", "-c", _WINDOWS)).split("\n.\n")[:-1]
        return [_window(each) for each in told if "Width" in each]

    async def until_window(self, title: str, size: tuple[int, int]) -> None:
        """Wait until a window of this class or title is there in that size."""

        async def there() -> bool:
            return any(title in each.text and each.size == size for each in await self.windows())

        try:
            await eventually(there, f"a window {title!r} of {size}", within=WINDOW_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.windows()}\n{await self.log()}") from None

    async def until_share(self, colour: str, share: float) -> None:
        """Wait until so much of the picture has this colour, ``#rrggbb``."""

        async def there() -> bool:
            return part_of(await self.picture(), colour) >= share

        await eventually(there, f"{share:.0%} of the picture is {colour}")


@asynccontextmanager
async def desktop(web: WebServer, template: str, **fields: object) -> AsyncIterator[Desktop]:
    """A running session of a template, which is purged afterwards."""
    async with web.session(template=template, **fields) as session:
        yield Desktop(web, session)


def part_of(image: Image.Image, colour: str) -> float:
    """How much of the picture has this very colour."""
    wanted = tuple(bytes.fromhex(colour[1:]))
    width, height = image.size
    counted = {value: count for count, value in image.getcolors(width * height) or ()}
    return counted.get(wanted, 0) / (width * height)


def primaries(image: Image.Image) -> tuple[float, ...]:
    """How much of the picture is clearly red, green and blue."""
    red, green, blue = image.split()
    excess = (
        ImageChops.subtract(one, ImageChops.lighter(other, another))
        for one, other, another in ((red, green, blue), (green, red, blue), (blue, red, green))
    )
    pixels = image.width * image.height
    return tuple(sum(each.histogram()[60:]) / pixels for each in excess)


def _window(told: str) -> Window:
    width, height = (int(number) for number in re.findall(r"(?:Width|Height): (\d+)", told))
    return Window(told, (width, height))
