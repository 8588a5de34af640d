"""Certificates for tests, of an authority of their own, made with openssl."""

from __future__ import annotations

import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_EXTENSIONS = "subjectAltName=IP:127.0.0.1,DNS:localhost"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    def replace(self, other: KeyPair) -> None:
        """Put another in its place, as whoever renews it does."""
        self.certificate.write_bytes(other.certificate.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    """Certifies whom it is told to; its own certificate is ``certificate``."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.certificate = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-days", "30", "-subj", f"/CN={name}"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def issue(self, name: str, *, days: int = 30) -> KeyPair:
        """For this host's loopback addresses; with negative ``days``, one that has ended."""
        pair = KeyPair(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        request = self._directory / f"{name}.csr"
        _openssl(
            *("req", "-new", *_NEW_KEY, "-subj", f"/CN={name}", "-addext", _EXTENSIONS),
            *("-keyout", str(pair.key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-copy_extensions", "copy"),
            *("-days", str(days), "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-out", str(pair.certificate)),
        )
        pair.key.chmod(0o600)
        return pair

    def trusting(self, client: KeyPair | None = None) -> ssl.SSLContext:
        """What a client needs that believes this authority alone, and may show a certificate."""
        context = ssl.create_default_context(cafile=self.certificate)
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        return context


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _openssl(*arguments: str) -> None:
    command = ("openssl", *arguments)
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 nothing from outside
