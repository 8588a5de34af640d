"""Tokens of web servers that come over the network: one in each file, alone on its line.

In files of their own, so that the configuration can be shown around.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from supervisor.errors import ConfigError

_FORM = re.compile(r"[A-Za-z0-9._~+/-]{32,256}=*")
"""What RFC 6750 lets a bearer token be, and as long as 16 random bytes in hexadecimal."""
_LEAST_DIFFERENT = 10
"""Characters: less is no random token, whatever its length."""
_MOST_CHARACTERS = 300


def read_web_token(path: Path) -> bytes:
    """The SHA-256 of the token in the file.

    Raises ConfigError, which names the file and never quotes it.
    """
    try:
        with path.open(encoding="ascii") as file:
            require_private(path, os.fstat(file.fileno()).st_mode)
            text = file.read(_MOST_CHARACTERS + 1)
    except OSError as error:
        message = f"{path}: the web server's token cannot be read: {error.strerror}."
        raise ConfigError(message) from error
    except UnicodeDecodeError:
        raise _malformed(path) from None
    token = text.strip()
    if not _FORM.fullmatch(token) or len(set(token)) < _LEAST_DIFFERENT:
        raise _malformed(path)
    return hashlib.sha256(token.encode()).digest()


def require_private(path: Path, mode: int) -> None:
    """Raises ConfigError for a secret's file that others of this host may read or write."""
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        message = (
            f"{path}: others than its owner and group can read it, or more than its owner write "
            f"it. It holds a secret: chown root:fastx {path}; chmod 0640 {path}"
        )
        raise ConfigError(message)


def _malformed(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: it has to hold a token of 32 to 256 random characters on one line. Make one: "
        "head -c 32 /dev/urandom | base64 -w0"
    )
