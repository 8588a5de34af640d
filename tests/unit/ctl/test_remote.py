"""``fxctl`` and a daemon on another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.ctl.client import Client
from supervisor.ctl.endpoint import socket_path
from supervisor.ctl.errors import BadEndpointError, UnreachableError
from supervisor.ctl.remote import Remote, remote
from tests.support.certificates import Authority, free_port
from tests.unit.ctl.daemon import fxctl

TOKEN = "the-token-0123456789"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """As it should be."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://:8443",
        "https://h:port",
        "https://h:0",
        "https://h:70000",
        "https://[::1",
        "https://h/path",
        "https://h/?x",
        "https://h/#x",
        "https://alice:s@h",
        "https://h h",
        "https://h\n",
    ],
)
def test_what_is_no_address(url: str, token_file: Path) -> None:
    """Wrong usage, said with what would be right."""
    with pytest.raises(BadEndpointError, match=r"say https://host:port"):
        remote(url, str(token_file), None)


@pytest.mark.parametrize("url", ["http://192.0.2.1:1", "http://gateway:1"])
def test_a_token_is_not_sent_in_clear(url: str, token_file: Path) -> None:
    """But on this host."""
    with pytest.raises(BadEndpointError, match="in clear"):
        remote(url, str(token_file), None)
    for own in ("http://127.0.0.1:1", "http://[::1]:1/", "http://localhost:1"):
        assert remote(own, str(token_file), None).tls is None


def test_the_token_comes_from_a_file(token_file: Path, tmp_path: Path) -> None:
    """Never from the command line, where others can see it; and it is not shown."""
    found = remote("https://h:1/", str(token_file), None)
    assert (found.url, found.token) == ("https://h:1", TOKEN)
    assert TOKEN not in repr(found)
    empty = tmp_path / "empty"
    for content in (b"", b"\n", b"a b", b"a\nb", b"\xff"):
        empty.write_bytes(content)
        with pytest.raises(BadEndpointError, match="alone on one line"):
            remote("https://h:1", str(empty), None)
    for missing in (None, ""):
        with pytest.raises(BadEndpointError, match="FX_TOKEN_FILE"):
            remote("https://h:1", missing, None)
    with pytest.raises(BadEndpointError, match="No such file"):
        remote("https://h:1", str(tmp_path / "none"), None)


def test_whom_to_believe(token_file: Path, tmp_path: Path) -> None:
    """The authorities that are named, or the fault of their file."""
    authority = Authority(tmp_path / "ca")
    found = remote("https://h:1", str(token_file), str(authority.certificate))
    assert found.tls is not None
    assert found.tls.cert_store_stats()["x509_ca"] == 1
    for wrong in (token_file, tmp_path / "none"):
        with pytest.raises(BadEndpointError, match=f"{wrong}: .*FX_CA_FILE"):
            remote("https://h:1", str(token_file), str(wrong))


def test_the_environment_names_it(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the option does, which comes first."""
    monkeypatch.setenv("FX_SOCKET", "http://127.0.0.1:1")
    monkeypatch.setenv("FX_TOKEN_FILE", str(token_file))
    found = socket_path(None)
    assert isinstance(found, Remote)
    assert found.url == "http://127.0.0.1:1"
    assert socket_path("/run/x.sock") == Path("/run/x.sock")


async def test_nobody_answers(token_file: Path) -> None:
    """Said with the address; nothing is known of units over there."""
    url = f"http://127.0.0.1:{free_port()}"
    async with Client(remote(url, str(token_file), None)) as client:
        with pytest.raises(UnreachableError, match=f"does not answer at {url}"):
            await client.node()


def test_wrong_usage_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token's file."""
    monkeypatch.delenv("FX_TOKEN_FILE", raising=False)
    result = fxctl("ps", "--socket", "https://127.0.0.1:1")
    assert result.code == 2
    assert "FX_TOKEN_FILE" in result.err
