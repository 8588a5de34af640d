"""``portal.yaml``: what is shipped is complete, what is wrong is told with its place."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from portal.__main__ import main
from portal.config import Config, load_config
from portal.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "templates" / "portal.yaml"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories of the test's own."""
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("FX_PORTAL_DIR", str(tmp_path / "state"))
    return tmp_path


def written(directory: Path, text: str) -> Path:
    """The file with this in it."""
    path = directory / "portal.yaml"
    path.write_text(text)
    return path


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key there is, dotted."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys_of(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_what_is_shipped_is_the_default() -> None:
    """Every key stands in it, with its default."""
    assert load_config(SHIPPED) == Config()
    document = YAML(typ="safe").load(SHIPPED.read_text())

    def stands(dotted: str) -> bool:
        here = document
        for part in dotted.split("."):
            if part not in here:
                return False
            here = here[part]
        return True

    assert [key for key in keys_of(Config) if not stands(key)] == []


def test_without_a_file_the_defaults_hold(places: Path) -> None:
    """Unless one was named."""
    assert load_config() == Config()
    with pytest.raises(ConfigError, match=re.escape("there is no such file")):
        load_config(places / "portal.yaml")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("listen:\n  prot: 1\n", "2:3: listen.prot: unknown key; did you mean port?"),
        ("lisen: {}\n", "1:1: lisen: unknown key; did you mean listen?"),
        ("listen:\n  port: 99999\n", "2:3: listen.port: must be less than or equal to 65535"),
        ("listen: [\n", "2:1:"),
        ("listen:\n  origins: [x]\n", "2:13: listen.origins"),
        ("listen:\n  origins: ['https://a.example/']\n", "listen.origins"),
        ("listen:\n  trusted_proxies: [x]\n", "listen.trusted_proxies"),
        ("listen:\n  trusted_proxies: [unix]\n", "there is no socket"),
        ("listen:\n  port: null\n", "nobody could connect"),
        ("listen:\n  key_file: /x\n", "certificate_file is missing"),
        ("sign_in:\n  pam:\n    service: ../x\n", "3:5: sign_in.pam.service"),
        ("shares: 1\n", "1:1: shares: must be a mapping"),
        ("a: 1\na: 2\n", "2:1:"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(places: Path, text: str, fault: str) -> None:
    """File, line, column, key, and what was meant."""
    path = written(places, text)
    with pytest.raises(ConfigError) as told:
        load_config()
    assert str(told.value).startswith(f"{path}:")
    assert fault in str(told.value)


def test_check_tells_every_fault(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78, one per line."""
    written(places, "listen:\n  prot: 1\nshares:\n  anyone: 7\n")
    assert main(["check"]) == 78
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_check_knows_what_is_missing(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A PAM service that is not there, a certificate that is none, a header nobody may send."""
    certificate = places / "c.pem"
    certificate.write_text("x")
    written(
        places,
        f"listen: {{certificate_file: {certificate}, key_file: {certificate}}}\n"
        "sign_in: {pam: {service: fx-no-such}, header: {name: X-User}}\n",
    )
    assert main(["check"]) == 78
    told = capsys.readouterr().err
    for words in ("/etc/pam.d/fx-no-such", "certificate", "trusted_proxies"):
        assert words in told


@pytest.mark.parametrize(
    ("proxies", "noted"),
    [("127.0.0.1", True), ("0.0.0.0/0", True), ("::1", True), ("192.0.2.0/24", False)],
)
def test_a_header_over_loopback_is_noted(
    places: Path, capsys: pytest.CaptureFixture[str], proxies: str, *, noted: bool
) -> None:
    """Every user of the host could be anybody; that is for its administrator to weigh."""
    written(
        places,
        f"listen: {{trusted_proxies: ['{proxies}']}}\n"
        "sign_in: {pam: {enabled: false}, header: {name: X-User}}\n",
    )
    main(["check"])
    assert ("listen.trusted_proxies has loopback" in capsys.readouterr().err) is noted


def test_a_link_is_for_who_is_known(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And goes to what browsers call the portal, which has been started before."""
    written(places, "listen: {origins: ['https://desk.example.com']}\n")
    assert main(["link", "--user", "fx-no-such-user"]) == 78
    assert main(["link", "--user", "root"]) == 69
    (places / "state").mkdir(mode=0o700)
    assert main(["link", "--user", "root"]) == 0
    assert capsys.readouterr().out.startswith("https://desk.example.com/sign-in#link=")
    key = places / "state" / "link.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("listen", "begins"),
    [
        ("{}", "http://127.0.0.1:8300/sign-in#link="),
        ("{host: '::1', port: 80}", "http://[::1]:80/sign-in#link="),
        ("{host: 0.0.0.0}", f"http://{socket.gethostname()}:8300/sign-in#link="),
    ],
)
def test_a_link_begins_as_the_portal_is_called(
    places: Path, capsys: pytest.CaptureFixture[str], listen: str, begins: str
) -> None:
    """As far as the configuration tells."""
    (places / "state").mkdir(mode=0o700)
    written(places, f"listen: {listen}\n")
    assert main(["link", "--user", "root"]) == 0
    assert capsys.readouterr().out.startswith(begins)


def test_without_a_name_there_is_no_link(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Behind a proxy by socket only `listen.origins` can tell."""
    (places / "state").mkdir(mode=0o700)
    written(places, "listen: {port: null, socket: /run/x.sock}\n")
    assert main(["link", "--user", "root"]) == 78
    assert "listen.origins" in capsys.readouterr().err


def test_a_state_that_others_can_write_is_none(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever can replace the key can sign in as anybody."""
    (places / "state").mkdir()
    (places / "state").chmod(0o777)
    assert main(["link", "--user", "root"]) == 69
    assert "chmod go-w" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As the supervisor's is."""
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("fx-portal ")
