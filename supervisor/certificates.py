"""The daemon's certificates: read from PEM files, judged, and made ready for connections."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from supervisor.errors import ConfigError
from supervisor.lifecycle.session import Timestamp
from supervisor.web_token import require_private

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_VERSION = 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VALIDITY = 3
"""Its place in a certificate's body, after serial number, algorithm and issuer."""


def read_certificate(
    file: Path, key: Path, client_ca: Path | None = None
) -> tuple[ssl.SSLContext, Timestamp]:
    """A certificate (with its chain) and its key, for TLS 1.2 and later; and when it ends.

    With ``client_ca``, those who connect need a certificate of its authorities, too. Raises
    ConfigError, which names the file at fault.
    """
    pem = _content(file, "certificate")
    require_private(key, _status(key))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    expires_at = _expiry(file, pem)
    try:
        # Without a password the library would ask for one at the terminal.
        context.load_cert_chain(file, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        message = (
            f"{key}: it is not the key of {file} in PEM form, without a password "
            f"({_reason(error)})."
        )
        raise ConfigError(message) from error
    if client_ca is not None:
        _trust(context, client_ca)
    return context, expires_at


def _trust(context: ssl.SSLContext, client_ca: Path) -> None:
    _content(client_ca, "authorities' certificates")
    try:
        context.load_verify_locations(client_ca)
    except (ssl.SSLError, OSError) as error:
        message = f"{client_ca}: it holds no certificates in PEM form ({_reason(error)})."
        raise ConfigError(message) from error
    context.verify_mode = ssl.CERT_REQUIRED


def _content(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: the {what} cannot be read: {error.strerror}."
        raise ConfigError(message) from error


def _status(key: Path) -> int:
    try:
        with key.open("rb"):
            return key.stat().st_mode
    except OSError as error:
        message = f"{key}: the certificate's key cannot be read: {error.strerror}."
        raise ConfigError(message) from error


def _reason(error: Exception) -> str:
    return (isinstance(error, ssl.SSLError) and error.reason) or str(error)


def _expiry(file: Path, pem: bytes) -> Timestamp:
    """When the first certificate, the daemon's own, ends to be valid."""
    try:
        found = _PEM.search(pem)
        der = ssl.PEM_cert_to_DER_cert(found[0].decode("ascii")) if found else b""
        return _not_after(der)
    except (ValueError, IndexError) as error:
        message = f"{file}: it does not begin with a certificate in PEM form."
        raise ConfigError(message) from error


def _not_after(der: bytes) -> Timestamp:
    """``notAfter`` of a certificate (RFC 5280). Raises ValueError, IndexError for what is none."""
    ((_, certificate),) = _elements(der)
    body = _elements(_elements(certificate)[0][1])
    members = body[1:] if body[0][0] == _VERSION else body
    tag, text = _elements(members[_VALIDITY][1])[1]
    forms = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
    if tag not in forms:
        raise ValueError("no time")
    return datetime.strptime(text.decode("ascii"), forms[tag]).replace(tzinfo=UTC).timestamp()


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element, one after the other (X.690)."""
    found = []
    at = 0
    while at < len(der):
        tag, length, begin = der[at], der[at + 1], at + 2
        if length >= 0x80:
            begin += length - 0x80
            length = int.from_bytes(der[at + 2 : begin], "big")
        if begin + length > len(der):
            raise ValueError("cut off")
        found.append((tag, der[begin : begin + length]))
        at = begin + length
    return found
