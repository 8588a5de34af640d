"""axe-core in a page: what it finds wrong by WCAG 2.2 AA."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.browser.people import Person
from tests.support.surroundings import given

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = """
(tags) => axe.run(document, {runOnly: {type: "tag", values: tags}, preload: false})
    .then(({violations}) => violations.map(({id, help, nodes}) => `${id}: ${help}: `
        + nodes.map(({target, failureSummary}) => `${target} ${failureSummary}`).join("; ")))
"""


@cache
def _axe() -> str:
    return Path(given("FX_TEST_NODE_MODULES"), "axe-core", "axe.min.js").read_text()


async def require_accessible(person: Person, what: str) -> None:
    """Raise AssertionError with every violation there is."""
    # axe puts styles into the page, which the page's policy refuses; it does without them.
    person.faults.deaf = True
    if not await person.page.evaluate("typeof axe === 'object'"):
        await person.page.evaluate(_axe())
    found = await person.page.evaluate(_RUN, RULES)
    person.faults.deaf = False
    assert not found, "\n".join(f"{what}: {each}" for each in found)
