"""What an administrator writes about TCP: faults are found before anybody can connect."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from supervisor.certificates import read_certificate
from supervisor.check import check
from supervisor.config import Config, TcpConfig, WebConfig, load_config
from supervisor.config import RelayConfig as RelaySection
from supervisor.errors import ConfigError
from supervisor.expiry import expiry_object, warn_of_expiry
from supervisor.reload import keep
from supervisor.settings import tcp_terms
from supervisor.web_token import read_web_token
from tests.support.certificates import Authority, KeyPair

SECRET = "9f86d081884c7d659a2feaa0c55ad015"
DAY = 86_400
ANYWHERE = "0.0.0.0"  # noqa: S104 judged, and not bound


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom web servers believe."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    """A certificate as it should be."""
    return authority.issue("relay")


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A token's file, as it should be."""
    path = tmp_path / "web.token"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o640)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file, at the usual place."""
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    return tmp_path / "supervisor.yaml"


def section(path: Path, **keys: object) -> None:
    """Write ``relay.web.tcp``."""
    lines = "".join(f"      {key}: {value}\n" for key, value in keys.items())
    path.write_text(f"relay:\n  web:\n    tcp:\n{lines}")


def fault_of(path: Path) -> str:
    """The one fault of the file."""
    with pytest.raises(ConfigError) as error:
        load_config(path)
    (fault,) = str(error.value).splitlines()
    return fault.removeprefix(f"{path}:")


def test_no_tcp_is_the_default() -> None:
    """Nobody comes over the network unless an address is given."""
    assert Config().relay.web.tcp.port is None


def test_everything_is_taken(path: Path, pair: KeyPair, token: Path, authority: Authority) -> None:
    """Certificate, authorities and tokens reach the relay, the tokens as hashes."""
    section(
        path,
        host=ANYWHERE,
        port=8443,
        certificate_file=pair.certificate,
        key_file=pair.key,
        client_ca_file=authority.certificate,
        token_files=f"[{token}]",
    )
    web, viewer = tcp_terms(load_config(path))
    assert web is not None
    assert web.certificate is not None
    assert web.certificate.context.verify_mode is ssl.CERT_REQUIRED
    (kept,) = web.tokens
    assert (kept.name, kept.digest) == ("web.token", hashlib.sha256(SECRET.encode()).digest())
    assert SECRET not in repr(web)
    assert viewer is not None
    assert viewer.certificate is None


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1", "10.0.0.1", "gateway.example"])
def test_nothing_is_in_clear_on_the_network(path: Path, token: Path, host: str) -> None:
    """Tokens and displays would be for all who are on the way."""
    section(path, host=f"'{host}'", port=8443, token_files=f"[{token}]")
    fault = fault_of(path)
    assert fault.startswith("3:5: relay.web.tcp: certificate_file and key_file are missing: ")
    assert "127.0.0.1 or ::1" in fault


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_this_host_it_may_be_in_clear(path: Path, token: Path, host: str) -> None:
    """For a proxy that does TLS, say."""
    section(path, host=f"'{host}'", port=8443, token_files=f"[{token}]")
    web, _ = tcp_terms(load_config(path))
    assert web is not None
    assert web.certificate is None


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"port": 1}, "token_files is missing"),
        ({"port": 1, "token_files": "[a, b, c]"}, "too many entries: 2 at most"),
        ({"certificate_file": "a"}, "key_file is missing"),
        ({"key_file": "a"}, "certificate_file is missing"),
        ({"client_ca_file": "a"}, "client_ca_file is of use with certificate_file alone"),
        ({"port": 65536}, "must be 65535 or less"),
        ({"token_file": "a"}, "unknown key; did you mean token_files?"),
    ],
)
def test_what_is_missing_is_told(path: Path, keys: dict[str, object], told: str) -> None:
    """At its place in the file."""
    section(path, **keys)
    fault = fault_of(path)
    assert fault[0].isdigit()
    assert told in fault


def test_the_viewers_certificate_needs_its_key(path: Path) -> None:
    """Likewise."""
    path.write_text("relay: {viewer: {certificate_file: a}}\n")
    assert "relay.viewer: key_file is missing" in fault_of(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        SECRET[:-1].encode(),
        b"a" * 64,
        b"ab" * 40,
        f"{SECRET} {SECRET}".encode(),
        f"{SECRET}\n{SECRET}".encode(),
        SECRET.encode() + b"\xff",
        SECRET.encode() * 40,
    ],
)
def test_what_is_no_token(token: Path, content: bytes) -> None:
    """Too short, all alike, or not one word; the file is named, and nothing that is in it."""
    token.write_bytes(content)
    with pytest.raises(ConfigError, match="head -c 32 /dev/urandom") as error:
        read_web_token(token)
    assert str(error.value).startswith(f"{token}: ")
    assert SECRET[:8] not in str(error.value).removeprefix(f"{token}: ")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660, 0o666])
def test_a_secret_that_others_can_read_is_none(token: Path, pair: KeyPair, mode: int) -> None:
    """Tokens and keys alike."""
    token.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 0640"):
        read_web_token(token)
    pair.key.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 0640"):
        read_certificate(pair.certificate, pair.key)
    pair.key.chmod(0o600)


def test_a_certificate_and_when_it_ends(authority: Authority) -> None:
    """As its own bytes say; TLS 1.2 at least."""
    for days in (-1, 30, 40_000):
        # Beyond 2049 the time has another form.
        made = authority.issue("dated", days=days)
        context, expires_at = read_certificate(made.certificate, made.key)
        assert expires_at == pytest.approx(time.time() + days * DAY, abs=60)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_NONE


def test_what_is_no_certificate(tmp_path: Path, pair: KeyPair, authority: Authority) -> None:
    """The file at fault is named, whichever it is."""
    other = authority.issue("other")
    encrypted = tmp_path / "encrypted.key"
    command = ("openssl", "pkey", "-in", pair.key, "-aes128", "-passout", "pass:x", "-out")
    subprocess.run([*command, encrypted], check=True)  # noqa: S603 nothing from outside
    encrypted.chmod(0o600)
    broken = tmp_path / "broken.pem"
    body = pair.certificate.read_text().splitlines()
    nowhere = tmp_path / "none"
    for file, key, client_ca, at_fault in (
        (nowhere, pair.key, None, nowhere),
        (pair.certificate, nowhere, None, nowhere),
        (pair.certificate, other.key, None, other.key),
        (pair.certificate, encrypted, None, encrypted),
        (pair.key, pair.key, None, pair.key),
        (broken, pair.key, None, broken),
        (pair.certificate, pair.key, nowhere, nowhere),
        (pair.certificate, pair.key, pair.key, pair.key),
    ):
        broken.write_text("\n".join([body[0], *body[3:]]))
        with pytest.raises(ConfigError) as error:
            read_certificate(file, key, client_ca)
        assert str(error.value).startswith(f"{at_fault}: ")


def test_check_finds_what_the_daemon_would(
    path: Path, token: Path, pair: KeyPair, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are read as they will be."""
    token.chmod(0o644)
    keys = {"port": 1, "certificate_file": pair.certificate, "key_file": pair.key}
    section(path, **keys, token_files=f"[{token}]")
    assert check(None) == 78
    assert f"{token}: others than its owner" in capsys.readouterr().err
    token.chmod(0o600)
    assert check(None) == 0


def test_check_warns_of_what_ends_soon_and_of_displays_in_clear(
    path: Path, token: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    """No faults: it works as it is."""
    for days, is_told in ((-1, True), (10, True), (30, False)):
        made = authority.issue("soon", days=days)
        keys = {"port": 1, "certificate_file": made.certificate, "key_file": made.key}
        section(path, **keys, token_files=f"[{token}]")
        assert check(None) == 0
        told = f"note: {made.certificate}: the certificate is valid until 20"
        assert (told in capsys.readouterr().err) is is_told
    for host, is_told in ((ANYWHERE, True), ("127.0.0.1", False)):
        path.write_text(f"relay: {{viewer: {{port: 1, host: {host}}}}}\n")
        assert check(None) == 0
        assert ("relay.viewer has no certificate_file" in capsys.readouterr().err) is is_told


def test_an_address_that_stays_is_not_served_in_clear(pair: KeyPair, token: Path) -> None:
    """Host and port hold until a restart, the certificate does not."""
    guarded = TcpConfig(
        host=ANYWHERE,
        port=8443,
        certificate_file=pair.certificate,
        key_file=pair.key,
        token_files=(token,),
    )
    running = Config(relay=RelaySection(web=WebConfig(tcp=guarded)))
    for found in (Config(), with_tcp(TcpConfig(port=8443, token_files=(token,)))):
        config, kept = keep(running, found)
        assert "relay.web.tcp.host" in kept
        assert config.relay.web.tcp.host == ANYWHERE
        web, _ = tcp_terms(config)
        assert web is None


def with_tcp(tcp: TcpConfig) -> Config:
    """A configuration with this."""
    return Config(relay=RelaySection(web=WebConfig(tcp=tcp)))


def test_the_end_of_a_certificate_is_told(pair: KeyPair) -> None:
    """To the log two weeks before, and to whoever asks the node."""
    tcp = TcpConfig(certificate_file=pair.certificate, key_file=pair.key)
    web, _ = tcp_terms(with_tcp(tcp))
    assert web is not None
    shown = web.certificate
    assert shown is not None

    (listener, told) = next(iter(expiry_object(lambda: {"web": shown}).items()))
    assert (listener, told["file"]) == ("web", str(pair.certificate))
    assert told["expires_at"].endswith("Z")
    found = []
    for days in (20, 10, -1):
        with capture_logs() as logs:
            at = shown.expires_at - days * DAY
            warn_of_expiry(lambda: {"web": shown}, partial(float, at))
        found.append([(entry["event"], entry["log_level"]) for entry in logs])
    assert found == [
        [],
        [("certificate_expires_soon", "warning")],
        [("certificate_expired", "error")],
    ]
