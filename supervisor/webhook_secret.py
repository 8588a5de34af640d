"""The webhook's signing secret: ``whsec_`` and base64, as Standard Webhooks has it.

In a file of its own, so that the configuration can be shown around.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from supervisor.errors import ConfigError

_PREFIX = "whsec_"
_LEAST_BYTES = 24
"""Standard Webhooks asks for 24 to 64."""
_MOST_CHARACTERS = 1024


def read_webhook_secret(path: Path) -> bytes:
    """The key in the file. Raises ConfigError, which names the file and never quotes it."""
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except OSError as error:
        message = f"{path}: the webhook's secret cannot be read: {error.strerror}."
        raise ConfigError(message) from error
    except UnicodeDecodeError:
        raise _malformed(path) from None
    encoded = text.strip().removeprefix(_PREFIX)
    if len(text) > _MOST_CHARACTERS or not text.lstrip().startswith(_PREFIX):
        raise _malformed(path)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise _malformed(path) from None
    if len(key) < _LEAST_BYTES:
        raise _malformed(path)
    return key


def _malformed(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: it has to hold a webhook's secret on one line: {_PREFIX} and then base64 of "
        f"{_LEAST_BYTES} random bytes or more. Make one: "
        f"echo {_PREFIX}$(head -c 32 /dev/urandom | base64 -w0)"
    )
