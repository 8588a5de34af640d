"""What an administrator writes about the webhook: faults are found before anything is posted."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from supervisor.check import check
from supervisor.config import Config, load_config
from supervisor.errors import ConfigError
from supervisor.settings import retention_bounds, webhook_config
from supervisor.webhook_secret import read_webhook_secret

KEY = b"thirty-two bytes of a secret key"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A secret's file, as it should be."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o400)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file, at the usual place."""
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    return tmp_path / "supervisor.yaml"


def written(path: Path, url: str, *secrets: Path) -> Config:
    """The configuration with a webhook."""
    files = "".join(f"\n    - {secret}" for secret in secrets)
    path.write_text(f"relay:\n  webhook:\n    url: '{url}'\n    secret_files:{files or ' []'}\n")
    return load_config(path)


def test_no_webhook_is_the_default() -> None:
    """Nothing is posted unless an address is given, and nothing is held for it."""
    assert webhook_config(Config()) is None
    assert retention_bounds(Config()).hold_seconds is None


def test_a_webhook_is_taken(path: Path, secret: Path, tmp_path: Path) -> None:
    """Address, keys and bounds reach the relay; what is not delivered is held beyond its time."""
    other = tmp_path / "other"
    other.write_text("whsec_" + base64.b64encode(KEY[::-1]).decode().rstrip("="))
    config = written(path, "https://web.example:8443/fastx/events?x=1", secret, other)
    webhook = webhook_config(config)
    assert webhook is not None
    assert webhook.url == "https://web.example:8443/fastx/events?x=1"
    assert webhook.keys == (KEY, KEY[::-1])
    assert (webhook.timeout_seconds, webhook.give_up_seconds) == (15.0, 3 * 86_400)
    assert retention_bounds(config).hold_seconds == 6 * 86_400


@pytest.mark.parametrize(
    "url",
    [
        "",
        "web.example/x",
        "ftp://web.example/x",
        "https://",
        "https:///x",
        "https://h:port/x",
        "https://h:0/",
        "https://h:65536/",
        "https://[::1/",
        "https://a b/",
        "https://h/a b",
        "https://h/\u00e4",
        "https://h/\t",
        "https://alice:s3cret@h/",
        "https://alice@h/",
        "HTTPS//h",
    ],
)
def test_what_is_no_address(path: Path, secret: Path, url: str) -> None:
    """Told with line and column, and without what may be secret in it."""
    with pytest.raises(ConfigError) as error:
        written(path, url, secret)
    assert str(error.value).startswith(f"{path}:3:5: relay.webhook.url: ")
    assert "s3cret" not in str(error.value)


def test_an_address_without_a_secret(path: Path) -> None:
    """Nothing is posted unsigned."""
    with pytest.raises(ConfigError, match=r":2:3: relay\.webhook: secret_files"):
        written(path, "https://h/")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        SECRET.removeprefix("whsec_").encode(),
        b"whsec_",
        b"whsec_c2hvcnQ=",
        SECRET.encode().replace(b"whsec_", b"whsec "),
        SECRET.encode() + b"!",
        SECRET.encode()[:-4] + b"\xff===",
        SECRET.encode() + b"\n" + SECRET.encode(),
        b"A" * 100_000,
        b"whsec_" + b"A" * 100_000,
    ],
)
def test_what_is_no_secret(secret: Path, content: bytes) -> None:
    """The file is named, and nothing that is in it."""
    secret.chmod(0o600)
    secret.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_webhook_secret(secret)
    assert str(error.value).startswith(f"{secret}: ")
    assert SECRET[6:20] not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_a_secret_that_cannot_be_read(tmp_path: Path) -> None:
    """Not there, or no file."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match=f"{path}: the webhook's secret cannot be read"):
            read_webhook_secret(path)


def test_check_finds_a_bad_secret(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the daemon is started with it; other faults are told as well."""
    bad = tmp_path / "bad"
    bad.write_text("whsec_nonsense")
    written(path, "https://h/", bad)
    path.write_text(path.read_text() + "  web: {allow_users: [no-such-user-here]}\n")
    assert check(None) == 78
    complaint = capsys.readouterr().err
    assert f"{bad}: " in complaint
    assert "no-such-user-here" in complaint
    assert "nonsense" not in complaint


def test_check_warns_of_what_others_can_read(
    path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No fault, but a note: events in clear, a secret's file for everybody."""
    written(path, "http://web.example/x", secret)
    assert check(None) == 0
    assert "relay.webhook.url is not https" in capsys.readouterr().err
    secret.chmod(0o444)
    for url in (
        "https://web.example/",
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://localhost/",
    ):
        written(path, url, secret)
        assert check(None) == 0
        complaint = capsys.readouterr().err
        assert "not https" not in complaint
        assert f"{secret}: everybody" in complaint
