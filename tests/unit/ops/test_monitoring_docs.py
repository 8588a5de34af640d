"""What is written for those who monitor names what there is: no dead panel, no idle alert."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.registry import Collector
from ruamel.yaml import YAML

from supervisor.engine.base import EngineVersion
from supervisor.ops.metrics import Metrics
from supervisor.ops.states import Certified, Counts, Node, Outboxed, Relayed
from supervisor.reactor.directory import Directory
from supervisor.reactor.tally import Tally
from supervisor.reactor.watcher import EngineHealth
from supervisor.store.database import Database
from supervisor.store.delivery import Backlog
from supervisor.template.catalog import TemplateCatalog
from tests.unit.ops.test_metrics import WEBHOOK, Census

DOCS = Path(__file__).parents[3] / "docs"
OURS = re.compile(r"\bfastx_supervisor_[a-z_]+")
PROCESS = re.compile(r"\bprocess_[a-z_]+")
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
RULE_KEYS = {"alert", "expr", "for", "labels", "annotations"}


class Told:
    """Every family that a daemon with a webhook exposes: name -> type and labels."""

    def __init__(self, directory: Path) -> None:
        metrics, database = Metrics(), Database(directory / "supervisor.db")
        health = EngineHealth(version=EngineVersion(name="d", version="1", api_version="1"))
        outbox = Outboxed(database, {"webhook": lambda: WEBHOOK}, lambda: 1.0)
        outbox._backlog = Backlog(0, None)
        catalog = TemplateCatalog(directory)
        metrics.watch(
            Node(
                version="1",
                sessions=Directory(),
                health=health,
                catalog=catalog,
                disks={"local": directory, "run": directory},
                orphans=lambda: 0,
            ),
            Counts(Tally(), database),
            Relayed(Census(), lambda: 0),
            Certified(lambda: {"web": SimpleNamespace(expires_at=1.0)}),
            outbox,
        )
        self.types: dict[str, str] = {}
        self.labels: dict[str, set[str]] = {}
        self.samples: set[str] = set()
        for collector in metrics.registry._collector_to_names:
            self._take(collector)

    def _take(self, collector: Collector) -> None:
        named = tuple(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            kind = "gauge" if family.type == "info" else family.type
            name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
            self.types[name] = kind
            seen = {key for sample in family.samples for key in sample.labels}
            self.labels[name] = (seen | set(named)) - {"le"}
            self.samples |= {sample.name for sample in family.samples} | {name}
            if kind == "histogram":
                self.samples |= {f"{name}{part}" for part in ("_bucket", "_sum", "_count")}

    def ours(self) -> dict[str, tuple[str, set[str]]]:
        """Without the prefix, as the table has them."""
        prefix = "fastx_supervisor_"
        return {
            name.removeprefix(prefix): (kind, self.labels[name])
            for name, kind in self.types.items()
            if name.startswith(prefix)
        }


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What there is."""
    return Told(tmp_path)


def expressions() -> Iterator[tuple[str, str]]:
    """Where each PromQL expression of ours stands, and what it says."""
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        yield f"variable {variable['name']}", variable.get("definition", "")
    for rule in rules():
        yield f"alert {rule['alert']}", rule["expr"]


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    document = YAML(typ="safe", pure=True).load((DOCS / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_the_table_is_what_there_is(told: Told) -> None:
    """Each metric once, with its type and its labels."""
    rows = ROW.findall((DOCS / "metrics.md").read_text())
    assert len({name for name, _, _ in rows}) == len(rows)
    written = {
        name: (kind, {label.strip(" `") for label in labels.split(",") if label.strip()})
        for name, kind, labels in rows
    }
    assert written == told.ours()


def test_no_panel_and_no_alert_is_dead(told: Told) -> None:
    """Every name in a PromQL expression is one that the daemon exposes."""
    for where, expression in expressions():
        names = set(OURS.findall(expression)) | set(PROCESS.findall(expression))
        assert names <= told.samples, (where, names - told.samples)
        assert expression.count("(") == expression.count(")"), where
        assert expression.count("{") == expression.count("}"), where


def test_every_label_that_is_asked_for_is_there(told: Told) -> None:
    """In selectors; ``job`` and ``instance`` come from the scrape."""
    for where, expression in expressions():
        for name, selector in re.findall(r"([a-z_]+)\{([^}]*)\}", expression):
            asked = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector))
            family = next((each for each in told.labels if name.startswith(each)), name)
            known = told.labels.get(family, set()) | {"job", "instance"}
            assert asked <= known, (where, name, asked - known)


def test_every_metric_of_ours_is_on_the_dashboard(told: Told) -> None:
    """What nobody looks at need not be measured."""
    text = (DOCS / "grafana-dashboard.json").read_text()
    unseen = {name for name in told.ours() if f"fastx_supervisor_{name}" not in text}
    assert not unseen


def test_panels_do_not_overlap() -> None:
    """Each has its place, an id of its own, and the data source that was chosen."""
    panels = json.loads((DOCS / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """In a form that Prometheus takes: summary, description, severity."""
    assert rule.keys() <= RULE_KEYS
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description"}
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["description"]) > 40
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0m"))


def test_alerts_have_names_of_their_own() -> None:
    """Two of one name are one to who silences it."""
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
