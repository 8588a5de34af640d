"""``supervisor.yaml``: what it may say, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.addresses import Address, collide
from supervisor.config import Config, EngineConfig, load_config
from supervisor.errors import ConfigError
from supervisor.places import run_directory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration file."""
    return tmp_path / "supervisor.yaml"


def faults(path: Path, text: str) -> list[str]:
    """The faults of a file, without its name."""
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n", "null\n"])
def test_nothing_said_is_the_defaults(path: Path, text: str) -> None:
    """An empty file changes nothing."""
    path.write_text(text)
    assert load_config(path) == Config()


def test_no_file_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file at the usual place the defaults hold."""
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    assert load_config(None) == Config()


def test_the_usual_place(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FX_CONFIG_DIR says where to look."""
    monkeypatch.setenv("FX_CONFIG_DIR", str(tmp_path))
    path.write_text("log: {level: debug}\n")
    assert load_config(None).log.level == "debug"


def test_a_named_file_has_to_be_there(path: Path) -> None:
    """Who names a file means it."""
    with pytest.raises(ConfigError, match=f"{path}: there is no such file"):
        load_config(path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A directory in its place is told, not raised."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_a_file_in_another_encoding(path: Path) -> None:
    """Only UTF-8 is read."""
    path.write_bytes(b"log: \xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)


def test_values_are_taken(path: Path) -> None:
    """Every section reaches the configuration."""
    path.write_text(
        "engine: {host: 'tcp://h:1', relist_seconds: 5}\n"
        "identity: {min_uid: 500, forbidden_groups: [docker]}\n"
        "limits: {concurrent_starts: 2, max_sessions: 9}\n"
        "relay: {web: {allow_users: [www-data]}, viewer: {port: 8443}, metrics: {port: 9464}}\n"
        "audit: {path: /var/log/audit.log}\n"
    )
    config = load_config(path)
    assert (config.engine.url, config.engine.relist_seconds) == ("tcp://h:1", 5.0)
    assert config.identity.forbidden_groups == frozenset({"docker"})
    assert config.limits.max_sessions == 9
    assert config.relay.web.allow_users == ("www-data",)
    assert config.relay.viewer.port == 8443
    assert (config.relay.metrics.host, config.relay.metrics.port) == ("127.0.0.1", 9464)
    assert config.audit.path == Path("/var/log/audit.log")


def test_no_port_is_listened_on_twice(path: Path) -> None:
    """Not by two of the three listeners; it would be found when the daemon starts, if then."""
    (fault,) = faults(path, "relay: {viewer: {port: 8443}, metrics: {port: 8443}}\n")
    assert fault.startswith("1:1: relay: viewer and metrics both listen on port 8443")
    web = "web: {tcp: {port: 8443, token_files: [/t]}}"
    (fault,) = faults(path, f"relay: {{{web}, viewer: {{port: 8443, host: '::'}}}}\n")
    assert "web.tcp and viewer both listen on port 8443" in fault


@pytest.mark.parametrize(
    ("one", "other", "collides"),
    [
        (("127.0.0.1", 1), ("127.0.0.1", 1), True),
        (("127.0.0.1", 1), ("127.0.0.1", 2), False),
        (("127.0.0.1", 0), ("127.0.0.1", 0), False),
        (("127.0.0.1", 1), ("localhost", 1), True),
        (("127.0.0.1", 1), ("127.0.0.2", 1), False),
        (("127.0.0.1", 1), ("0.0.0.0", 1), True),  # noqa: S104 nothing is bound
        (("::1", 1), ("0.0.0.0", 1), False),  # noqa: S104 likewise
        (("::1", 1), ("127.0.0.1", 1), False),
        (("::1", 1), ("0:0:0:0:0:0:0:1", 1), True),
        (("127.0.0.1", 1), ("::", 1), True),
        (("desk", 1), ("desk", 1), True),
        (("desk", 1), ("::", 1), True),
        (("desk", 1), ("lab", 1), False),
    ],
)
def test_which_addresses_collide(one: Address, other: Address, *, collides: bool) -> None:
    """As binding both tells, whichever is first."""
    assert (collide(one, other), collide(other, one)) == (collides, collides)


def test_the_audit_files_path_is_absolute(path: Path) -> None:
    """The daemon's working directory is nobody's business."""
    (fault,) = faults(path, "audit: {path: audit.log}\n")
    assert "audit.path: it has to be an absolute path" in fault


def test_an_unknown_key_is_found(path: Path) -> None:
    """A misspelt key is an error where it stands."""
    (fault,) = faults(path, "log:\n  level: info\nengine:\n  hosst: x\n")
    assert fault.startswith("4:3: engine.hosst: ")


def test_every_fault_is_told(path: Path) -> None:
    """One run shows them all, each at its place."""
    found = faults(
        path,
        "nope: 1\n"
        "engine: {request_timeout_seconds: -1}\n"
        "log:\n"
        "  level: loud\n"
        "relay:\n"
        "  web:\n"
        "    allow_users:\n"
        "      - www-data\n"
        "      - [a]\n",
    )
    assert sorted(fault.partition(" ")[0] for fault in found) == ["1:1:", "2:10:", "4:3:", "9:9:"]


@pytest.mark.parametrize("text", ["- a\n", "text\n", "[]\n", "false\n", "0\n"])
def test_what_is_no_mapping(path: Path, text: str) -> None:
    """The file as a whole has a shape."""
    (fault,) = faults(path, text)
    assert fault.startswith("1:1: the file: ")


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: [\n", "2:1"), ("a: 1\na: 2\n", "2:1"), ("\ta: 1\n", "1:1"), ("a: 'x\n", "2:1")],
)
def test_what_is_no_yaml(path: Path, text: str, where: str) -> None:
    """A syntax error, a key given twice: with line and column."""
    (fault, *_) = faults(path, text)
    assert fault.startswith(f"{where}: ")


@pytest.mark.parametrize(
    "text",
    [
        "engine: {relist_seconds: 0}",
        "engine: {relist_seconds: soon}",
        "identity: {min_uid: 0}",
        "limits: {concurrent_starts: 0}",
        "relay: {viewer: {port: 65536}}",
        "retention: {outbox_items: 1}",
        "retention: {outbox_seconds: 0}",
        "retention: {ended_sessions: -1}",
        "relay: {webhook: {timeout_seconds: 0, url: null}}",
        "relay: {webhook: {secret_files: [a, b, c]}}",
        "log: []",
        "log: {format: xml}",
    ],
)
def test_values_have_limits(path: Path, text: str) -> None:
    """A wrong type or a value out of range is told at its line."""
    (fault,) = faults(path, text)
    assert fault.startswith("1:")


def test_where_the_engine_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before DOCKER_HOST before Docker's own socket."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://env:1")
    assert EngineConfig(host="tcp://file:1").url == "tcp://file:1"
    assert EngineConfig().url == "tcp://env:1"
    monkeypatch.delenv("DOCKER_HOST")
    assert EngineConfig().url == "unix:///var/run/docker.sock"


def test_where_the_sockets_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option before systemd's variable, of which the first counts, before the default."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/a:/run/b")
    assert run_directory(Path("/run/c")) == Path("/run/c")
    assert run_directory(None) == Path("/run/a")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert run_directory(None) == Path("/run/fastx-supervisor")


NO_MAPPING = "must be a mapping of keys to values"
SLIPS = {
    "limits:\n": f"1:1: limits: {NO_MAPPING}: indent what belongs to it, or leave it out",
    "limits:\n  max_sessions:3\n": f"1:1: limits: {NO_MAPPING}; a colon wants a space after it",
    "limits:\n\tmax_sessions: 3\n": (
        "2:1: found character '\\t' that cannot start any token; indent with spaces"
    ),
    "engine: {host: /run/docker.sock}\n": (
        "1:10: engine.host: it has to be unix:///path or tcp://host:port"
    ),
}


@pytest.mark.parametrize("text", SLIPS)
def test_slips_are_told_with_their_cure(path: Path, text: str) -> None:
    """What is typed wrong most often."""
    assert faults(path, text) == [SLIPS[text]]


def test_faults_that_a_merge_key_brought_in(path: Path) -> None:
    """They stand nowhere in the mapping that they are in: told at that mapping."""
    text = "limits: &some {max_sesions: 1}\naudit:\n  path: /var/log/a\n  <<: *some\n"
    assert faults(path, text) == [
        "1:16: limits.max_sesions: unknown key; did you mean max_sessions?",
        "2:1: audit.max_sesions: unknown key",
    ]


@pytest.mark.parametrize(
    "host", ["", "unix:///var/run/docker.sock", "tcp://10.0.0.1:2376", "http://localhost:2375"]
)
def test_addresses_of_engines(path: Path, host: str) -> None:
    """What Docker's own clients take."""
    path.write_text(f"engine: {{host: '{host}'}}\n")
    assert load_config(path).engine.host == host


def test_an_engine_in_the_environment_that_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as what it is, unless the file names another."""
    monkeypatch.setenv("DOCKER_HOST", "/var/run/docker.sock")
    with pytest.raises(ConfigError, match=r"DOCKER_HOST is '/var/run/docker\.sock'"):
        _ = EngineConfig().url
    assert EngineConfig(host="unix:///run/d.sock").url == "unix:///run/d.sock"
