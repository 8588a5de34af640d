"""Where the files are that come with the package: agent, templates, OpenAPI document.

In an installed package they lie in ``supervisor/share``; in a checkout at its top level.
"""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parent / "share"
_CHECKOUT = Path(__file__).parent.parent


def agent_directory() -> Path:
    """The session agent, as it is mounted into containers."""
    return _shared("agent")


def templates_directory() -> Path:
    """The shipped launcher templates."""
    return _shared("templates")


def openapi_document() -> Path:
    """The web server's API, as OpenAPI."""
    installed = _INSTALLED / "openapi.yaml"
    return installed if installed.exists() else _CHECKOUT / "docs" / "openapi.yaml"


def _shared(name: str) -> Path:
    installed = _INSTALLED / name
    return installed if installed.is_dir() else _CHECKOUT / name
