"""PAM for real, as far as it goes without accounts of the tests' own; and what its codes mean.

``other`` is the service of whoever has none; Debian's asks for passwords of the host.
"""

from __future__ import annotations

import getpass

import pytest

from portal.config import Config
from portal.errors import ProblemError
from portal.settings import Settings
from portal.sign_in.pam import Pam, PamRefusedError, verdict


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("", "a wrong one"),
        ("fx-no-such-user", "x"),
        ("fx-no\0such", "x"),
        ("\N{SNOWMAN}", "\N{SNOWMAN}"),
    ],
)
async def test_a_wrong_password_is_refused(user: str, password: str) -> None:
    """Of somebody who is there, of nobody, and of what is no name."""
    config = Config.model_validate({"sign_in": {"pam": {"service": "other"}}})
    pam = Pam(Settings(config))
    try:
        with pytest.raises(PamRefusedError):
            await pam.check(user or getpass.getuser(), password)
    finally:
        pam.close()


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        (12, 401, "password_expired"),
        (27, 401, "password_expired"),
        (3, 503, "sign_in_unavailable"),
        (4, 503, "sign_in_unavailable"),
        (9, 503, "sign_in_unavailable"),
        (28, 503, "sign_in_unavailable"),
    ],
)
def test_what_is_not_a_refusal_is_told(code: int, status: int, told: str) -> None:
    """A right password that is too old; a fault of the host, which is nobody's password."""
    found = verdict(code, "text")
    assert isinstance(found, ProblemError)
    assert (found.status, found.code) == (status, told)


@pytest.mark.parametrize("code", [6, 7, 8, 10, 11, 13])
def test_a_refusal_is_one_like_another(code: int) -> None:
    """Denied, wrong, unknown, too often, expired account: not told apart outside."""
    assert isinstance(verdict(code, "text"), PamRefusedError)
