"""docs/security.md says what the table and its tests say."""

import re
from collections.abc import Mapping

import pytest

from evolution.evaluation import Tier
from tests.security.rows import NOT_RUN, SECTIONS, Row, Section
from tests.security.table import BEGIN, END, PAGE, belongs, collected, names_of, replaced, tier_of, written

_AGAIN = "run `make attack-table`"


@pytest.fixture(scope="module")
def nodes() -> list[str]:
    return collected()


def _in_page(section: Section) -> tuple[list[str], dict[str, list[str]]]:
    """The heads of a section's table, and by attack the cells of its row."""
    body = PAGE.read_text().partition(f"\n## {section.title}\n")[2].partition("\n## ")[0]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line[:1] == "|"]
    return head, {row[0]: row for row in rows}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_row_has_tests_in_each_tier(section: Section, nodes: list[str]) -> None:
    for row in section.rows:
        for name in names_of(row):
            assert [node for node in nodes if belongs(name, node)], f"{row.attack}: no test is named {name}"
        tiers = {tier_of(node) for name in names_of(row) for node in nodes if belongs(name, node)}
        assert not section.by_tier or set(Tier) <= tiers, f"{row.attack}: tests in {tiers} alone"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_the_page_holds_every_row_and_what_it_claims_was_run(section: Section) -> None:
    head, rows = _in_page(section)
    tiers = head[2:-1]
    assert tiers == ["held"] or {"namespaces", "plain"} <= set(tiers) <= {tier.value for tier in Tier}
    assert list(rows) == [row.attack for row in section.rows], _AGAIN
    for row in section.rows:
        _, held_by, *cells, tests = rows[row.attack]
        assert held_by == row.held_by, _AGAIN
        assert tests == ", ".join(f"`{name}`" for name in names_of(row)), _AGAIN
        assert [cell for cell in cells if not re.fullmatch(r"[1-9]\d* held(, \d+ not run)?|\d+ not run", cell)] == [], (
            row.attack
        )


def test_what_was_not_run_is_said() -> None:
    text = PAGE.read_text()
    assert [attack for attack, why in NOT_RUN if f"| {attack} | {why} |" not in text] == [], _AGAIN


def _table(outcomes: Mapping[str, str]) -> str:
    return written(outcomes, [Tier.NAMESPACES, Tier.PLAIN])


def test_a_failed_test_stands_in_the_table() -> None:
    node = "tests/sandbox/test_attacks.py::TestStarvation::test_all_inodes"
    table = _table({f"{node}[namespaces]": "passed", f"{node}[plain]": "failed"})
    row: Row = next(row for row in SECTIONS[0].rows if row.attack == "all inodes")
    assert f"| all inodes | {row.held_by} | 1 held | 1 FAILED | `all_inodes` |" in table
    assert "1 held, 1 failed, 0 not run" in table
    assert "| none | none |" in table


def test_parameters_choose_among_tests() -> None:
    node = "tests/sandbox/test_wire_attacks.py::test_malformed_messages[namespaces-object dtype]"
    assert belongs("malformed_messages[object dtype]", node)
    assert belongs("malformed_messages", node)
    assert not belongs("malformed_messages[pickle]", node)
    assert not belongs("malformed", node)
    assert tier_of(node) is Tier.NAMESPACES
    assert tier_of("tests/sandbox/test_wire.py::test_values_travel_unchanged") is None


def test_a_new_table_takes_the_place_of_the_old_one() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(replaced(page, "new"), "newer") == f"before\n{BEGIN}\nnewer\n{END}\nafter\n"
