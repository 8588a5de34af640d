"""Engines whose restart costs containers their lives that are to be removed at their exit."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.engine.live_restore import removes_survivors


@pytest.mark.parametrize(
    ("version", "removes"),
    [
        ("20.10.24+dfsg1", True),
        ("19.03", True),
        ("24.0.7", True),
        ("24.0.8", False),
        ("26.1.5+dfsg1", False),
        ("dev", False),
        (None, False),
    ],
)
def test_by_version(version: str | None, *, removes: bool) -> None:
    """Mended in 24.0.8; what cannot be read is taken for newer."""
    info: dict[str, Any] = {"LiveRestoreEnabled": True, "ServerVersion": version}
    assert removes_survivors(info) is removes


def test_without_live_restore() -> None:
    """An engine that ends its containers in any case removes no survivor."""
    assert not removes_survivors({"LiveRestoreEnabled": False, "ServerVersion": "20.10.24"})
    assert not removes_survivors({})
