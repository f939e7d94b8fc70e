"""What is not documented is red; so is a link that leads nowhere."""

import json
import logging
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import Counter, Gauge, Histogram
from typer.main import get_command

import controller.metrics
import evaluators.metrics
import server.metrics
import workers.metrics
from database.logs import JsonFormatter, about
from database.migrate import MigrateSettings
from evolution.evaluation import Tier, Verdict
from evolution.events import EVENT, Event
from evolution.models import Model
from evolution.problem import Definition
from evolution.proposal import Operator, Refusal
from evolution.run import Order, StopReason, StrategyName
from galapagos.cli import app_for
from galapagos.settings import KINDS, PREFIX, CommandSettings, RemoteSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "problems").rglob("*.md"),
        *(ROOT / "benchmarks").rglob("*.md"),
    }
)


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def _verbs(command: Any, name: str = "") -> dict[str, Any]:
    """Commands by their words: those of a group, as `people add`, instead of the group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name: command}
    return {verb: found for word, one in inner.items() for verb, found in _verbs(one, f"{name} {word}".strip()).items()}


VERBS = _verbs(get_command(app_for([])))


def _section(command: str) -> str:
    found = re.search(rf"^##+ `galapagos {command}\b.*?(?=^##+ |\Z)", _page("cli.md"), re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section '`galapagos {command} ...`'"
    return found.group(0)


@pytest.mark.parametrize("command", sorted(VERBS))
def test_every_option_of_a_command_is_documented_and_no_other(command: str) -> None:
    section = _section(command)
    real = {
        name
        for parameter in VERBS[command].params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }
    documented = set(re.findall(r"`(--[a-z-]+)", section))
    assert real - {"--help"} - documented == set(), "missing in docs/cli.md"
    assert documented - real == set(), "documented, but not there"


def test_no_command_is_documented_that_does_not_exist() -> None:
    documented = set(re.findall(r"^##+ `galapagos ([a-z]+(?: [a-z]+)*)", _page("cli.md"), re.MULTILINE))
    assert documented == set(VERBS)


def test_every_setting_is_documented_and_no_other() -> None:
    kinds = (*KINDS.values(), CommandSettings, MigrateSettings, RemoteSettings)
    real = {PREFIX + name.upper() for kind in kinds for name in kind.model_fields}
    documented = set(re.findall(rf"^\| `({PREFIX}[A-Z_]+)`", _page("settings.md"), re.MULTILINE))
    assert documented == real


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    real = {
        name: ", ".join(labels)
        for name, labels in (
            (collector._name, collector._labelnames)
            for module in (controller.metrics, evaluators.metrics, server.metrics, workers.metrics)
            for collector in vars(module).values()
            if isinstance(collector, Counter | Gauge | Histogram)
        )
    }
    rows = re.findall(r"^\| `(galapagos_[a-z_]+)` \| [a-z]+ \| ([a-z, ]*)\|", _page("operations.md"), re.MULTILINE)
    assert {name: labels.strip() for name, labels in rows} == real


def test_every_field_of_a_log_record_is_documented() -> None:
    with about(run=1, program=2, proposal=3):
        try:
            raise ValueError
        except ValueError:
            record = logging.LogRecord("a", logging.INFO, __file__, 1, "text", (), sys.exc_info())
        fields = json.loads(JsonFormatter("controller").format(record))
    section = _page("operations.md").partition("## Logs\n")[2].partition("\n## ")[0]
    documented = [
        name for row in re.findall(r"^\| (`[a-z` ]+`) \|", section, re.MULTILINE) for name in row.replace("`", "").split()
    ]
    assert sorted(fields) == sorted(documented)


def test_every_key_of_a_model_is_documented() -> None:
    section = _page("settings.md").partition("## Models")[2]
    assert [name for name in Model.model_fields if f"`{name}`" not in section] == []


def test_every_event_and_its_fields_are_documented() -> None:
    kinds = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Event)[0])}
    rows = dict(re.findall(r"^\| `([a-z_]+)` \|(.*)\|$", _page("events.md"), re.MULTILINE))
    assert rows.keys() == kinds.keys()
    for name, kind in kinds.items():
        assert [field for field in kind.model_fields if field != "kind" and f"`{field}`" not in rows[name]] == [], name
    assert EVENT


@pytest.mark.parametrize(
    ("values", "heading"), [(Verdict, "Verdicts"), (Refusal, "Refusals"), (StopReason, "Stop reasons"), (Tier, "Tiers")]
)
def test_every_verdict_refusal_stop_reason_and_tier_is_documented(values: type[StrEnum], heading: str) -> None:
    section = _page("verdicts.md").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == {value.value for value in values}


@pytest.mark.parametrize("value", [*StrategyName, *Order])
def test_every_strategy_and_order_is_documented(value: StrEnum) -> None:
    assert f"`{value.value}`" in _section("run")


def test_every_operator_is_in_the_glossary() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [
        operator.value for operator in Operator if operator is not Operator.SEED and f"`{operator.value}`" not in readme
    ] == []


def test_every_key_of_a_problem_is_documented() -> None:
    assert [name for name in Definition.model_fields if name not in _page("problem-format.md")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    assert [target for target in targets if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()] == []


def test_pages_exist() -> None:
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "ARCHITECTURE.md"} <= {page.name for page in PAGES}
