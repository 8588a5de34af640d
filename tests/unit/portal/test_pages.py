"""How pages and what they are made of reach a browser: pages anew each time, the rest once."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path

import pytest

from portal.web.edition import Edition
from tests.unit.portal.conftest import STATIC, Site

pytestmark = pytest.mark.asyncio

NAMED = re.compile(r'"(/static/(@[0-9a-f]{12})/[^"]+)"')


async def named(site: Site) -> list[tuple[str, str]]:
    """What the page to sign in at names: paths, and their edition."""
    reply = await site.browser().get("/sign-in")
    assert reply.headers["Cache-Control"] == "no-cache"
    return NAMED.findall(reply.body.decode())


async def test_what_a_page_names_is_there_and_may_be_kept(site: Site) -> None:
    """All of one edition, whole, and of the type that browsers insist on."""
    found = await named(site)
    assert len({edition for _, edition in found}) == 1
    for path, edition in found:
        reply = await site.browser().get(path, Accept_Encoding="identity")
        assert reply.status == 200, path
        assert reply.headers["Cache-Control"].endswith("immutable")
        relative = path.removeprefix(f"/static/{edition}/")
        assert reply.body == (STATIC / relative).read_bytes()
    types = {Path(path).suffix for path, _ in found}
    assert types >= {".css", ".js"}


async def test_texts_are_compressed_for_who_takes_that(site: Site) -> None:
    """And for nobody else, which caches between are told."""
    path = next(path for path, _ in await named(site) if path.endswith(".css"))
    plain = await site.browser().get(path, Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers
    packed = await site.browser().get(path, Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("edition", ["", "@000000000000/", "@/"])
async def test_what_is_of_no_edition_is_asked_for_again(site: Site, edition: str) -> None:
    """A page of before an upgrade gets what there is now, but does not keep it as its own."""
    await named(site)
    reply = await site.browser().get(f"/static/{edition}js/dom.js")
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "no-cache"


async def test_another_content_is_another_edition(tmp_path: Path) -> None:
    """Also one of the same size; what was compressed before is not taken for it."""
    file = tmp_path / "a.js"
    file.write_text("1" * 1000)
    edition = Edition(tmp_path)
    first = edition.look()
    assert edition.look() == first
    assert gzip.decompress(edition.packed(file) or b"") == b"1" * 1000
    file.write_text("2" * 1000)
    assert edition.look() != first
    assert gzip.decompress(edition.packed(file) or b"") == b"2" * 1000


async def test_many_who_ask_at_once_share_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask for pages: the first has a look of its own, all others the next one."""
    looks: list[str] = []
    look = Edition.look

    def counted(edition: Edition) -> str:
        looks.append(look(edition))
        return looks[-1]

    monkeypatch.setattr(Edition, "look", counted)
    edition = Edition(tmp_path)
    names = await asyncio.gather(*(edition.current() for _ in range(20)))
    assert set(names) == {looks[0]}
    assert len(looks) == 2
    (tmp_path / "x.js").write_text("x")
    assert await edition.current() == looks[-1] != looks[0]
