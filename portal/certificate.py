"""The portal's certificate, from its files."""

from __future__ import annotations

import ssl
from pathlib import Path

from portal.config import ListenConfig
from portal.errors import ConfigError


def tls_context(config: ListenConfig) -> ssl.SSLContext | None:
    """What the portal shows of itself over TLS; ``None``: in clear. Raises ConfigError."""
    if config.certificate_file is None or config.key_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, config.certificate_file, config.key_file)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        # Not to be asked for a password on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{certificate}: is not a certificate in PEM that {key} belongs to ({error})."
        ) from error
