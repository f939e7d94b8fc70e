"""A plugin of pytest (`-p tests.security.writing`): run the tests of the table alone, and write it from their outcomes."""

import pytest

from evolution.evaluation import Tier
from tests.security.rows import SECTIONS
from tests.security.table import PAGE, belongs, names_of, replaced, tier_of, written

_NAMES = [name for section in SECTIONS for row in section.rows for name in names_of(row)]
_outcomes: dict[str, str] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = [item for item in items if any(belongs(name, item.nodeid) for name in _NAMES)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    tiers = [tier for tier in Tier if any(tier_of(node) is tier for node in _outcomes)]
    PAGE.write_text(replaced(PAGE.read_text(), written(_outcomes, tiers)))
