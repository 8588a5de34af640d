"""The X server bundle on this host: is it there, and what of it must lie at a fixed place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from supervisor.errors import ConfigError
from supervisor.share import agent_directory


def bundle_mounts(bundle: Path) -> Mapping[str, str]:
    """Parts of the bundle (relative) to where the X server expects them (absolute).

    Raises ConfigError when there is no usable bundle, saying how to make one.
    """
    manifest = bundle / "bundle.json"
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
        return {entry["source"]: entry["target"] for entry in document.get("mounts", ())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"There is no usable X server bundle in {bundle} ({error}). Make it once per host: "
            f"{agent_directory()}/build-bundle {bundle}; or set agent.bundle to where it is."
        )
        raise ConfigError(message) from error
