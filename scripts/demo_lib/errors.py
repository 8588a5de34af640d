"""What goes wrong in a demo."""

from __future__ import annotations


class DemoError(Exception):
    """Says exactly what failed, as a sentence."""
