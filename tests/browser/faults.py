"""What a page must not do, whatever a test looks for: complain, break its policy, ask others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Request

_COMPLAINTS = {"error", "warning", "assert"}
# No fault of a page: what Chromium thinks of how noVNC reads back its canvas; and that a thumbnail
# is asked for in the moment in which its display goes.
_USUAL = re.compile("willReadFrequently|status of 409 .*/thumbnail")
_OWN = re.compile(r"^(data|blob|about|chrome-error):")
# A violation that blocks nothing visible is told to scripts alone.
_TELL = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@dataclass  # without slots: playwright keeps notes of handlers on their object
class Faults:
    """Those of one browser context."""

    origin: str
    found: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)
    deaf: bool = False
    """While the page is told to do by a test what no page does."""

    async def watch(self, context: BrowserContext) -> None:
        """Take note of everything from now on."""
        await context.add_init_script(_TELL)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._error(error.error))
        context.on("request", self._request)

    def expect(self, *patterns: str) -> None:
        """Chromium complains itself of an answer that is a refusal, or of a broken connection."""
        self.expected += [re.compile(pattern) for pattern in patterns]

    def require_none(self) -> None:
        """Raise AssertionError with what was not expected."""
        unexpected = [
            fault
            for fault in self.found
            if not any(pattern.search(fault) for pattern in self.expected)
        ]
        assert not unexpected, "\n".join(unexpected)

    def _console(self, message: ConsoleMessage) -> None:
        told = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        if not self.deaf and message.type in _COMPLAINTS and not _USUAL.search(told):
            self.found.append(told)

    def _error(self, error: Error) -> None:
        self.found.append(f"exception: {error.message}\n{error.stack}")

    def _request(self, request: Request) -> None:
        url = request.url.replace("ws://", "http://", 1)
        if not url.startswith(f"{self.origin}/") and not _OWN.match(url):
            self.found.append(f"a request to {request.url}")
