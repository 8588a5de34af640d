"""User and password, as PAM of this host checks them. Vendor errors end here."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from types import ModuleType

from portal.errors import ConfigError, ProblemError, UnreachableError
from portal.settings import Settings

_SECONDS = 60.0
"""A stack of PAM may ask a directory that does not answer."""
_THREADS = 8

_REFUSALS = frozenset({6, 7, 8, 10, 11, 13})
"""Of pam(3): denied, wrong, insufficient, unknown, too often, account expired."""
_OLD_PASSWORDS = frozenset({12, 27})
"""To be changed first: said by the check of the account, after the password was right."""


class PamRefusedError(Exception):
    """PAM said no; the text is for the log."""


class Pam:
    """The PAM service that is configured, asked in threads of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pam")

    async def check(self, user: str, password: str) -> None:
        """Return if it is the user, whose account is in order.

        Raises PamRefusedError; ProblemError 401 for a password that is right, but too old;
        UnreachableError when PAM itself fails.
        """
        if "\0" in user + password:
            raise PamRefusedError("C knows no text with NUL in it")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SECONDS):
                await loop.run_in_executor(self._threads, self._authenticate, user, password)
        except TimeoutError:
            detail = "Passwords cannot be checked at the moment: PAM does not answer."
            raise UnreachableError(detail, "sign_in_unavailable") from None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _authenticate(self, user: str, password: str) -> None:
        pamela = library()
        service = self._settings.config.sign_in.pam.service
        try:
            # Credentials are for who opens a session of the host's: nobody does here.
            pamela.authenticate(user, password, service=service, resetcred=0)
        except pamela.PAMError as error:
            raise verdict(error.errno or 0, str(error)) from None


def verdict(code: int, text: str) -> PamRefusedError | ProblemError:
    """What comes of a code of PAM's."""
    if code in _REFUSALS:
        return PamRefusedError(text)
    if code in _OLD_PASSWORDS:
        detail = "Your password has expired: change it on the host (passwd), then sign in here."
        return ProblemError(401, "password_expired", detail)
    detail = f"Passwords cannot be checked at the moment: PAM says {text}."
    return UnreachableError(detail, "sign_in_unavailable")


@cache
def library() -> ModuleType:
    """The binding; loaded where PAM is used, for it looks for libpam then. Raises ConfigError."""
    try:
        return import_module("pamela")
    except (ImportError, OSError, AttributeError) as error:
        raise ConfigError(f"libpam cannot be loaded ({error}): install it (libpam0g).") from error
