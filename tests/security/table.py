"""The table of attacks in docs/security.md: which tests belong to a row, and how the rows read after a run of them."""

import os
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from evaluators.harness.galapagos_confine import landlock_version
from evolution.evaluation import Tier
from tests.security.rows import FILES, NOT_RUN, SECTIONS, Row, Section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- written by `make attack-table` -->", "<!-- end of what is written -->"
_NAME = re.compile(r"(?:.*::)?test_(?P<function>\w+)(?:\[(?P<parameters>.*)\])?(?:@\w+)?", re.DOTALL)


def names_of(row: Row) -> list[str]:
    """The names of a row's tests as they stand in the table."""
    return row.tests.split(", ")


def belongs(name: str, node: str) -> bool:
    """Whether a collected test is the one that is named, or one of its parameters."""
    found = _NAME.fullmatch(node)
    function, _, part = name.rstrip("]").partition("[")
    return found is not None and found["function"] == function and part in (found["parameters"] or "")


def tier_of(node: str) -> Tier | None:
    """The tier in which a collected test runs; None if it is the same in all."""
    found = _NAME.fullmatch(node)
    words = re.split(r"[^a-z]+", (found and found["parameters"]) or "")
    tiers = [tier for tier in Tier if tier.value in words]
    return tiers[0] if tiers else None


def collected() -> list[str]:
    """Every test of the files that the table draws from."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *FILES]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environ)
    return [line for line in done.stdout.splitlines() if "::" in line]


def written(outcomes: Mapping[str, str], tiers: Iterable[Tier]) -> str:
    """The part of the page that a run writes; `outcomes` maps each test to passed, failed or skipped."""
    tiers = list(tiers)
    counts = Counter(outcomes.values())
    lines = [
        f"Written by a run of {len(outcomes)} tests on Linux {platform.release().partition('-')[0]}, {platform.machine()}, "
        f"Landlock {landlock_version()}: {counts['passed']} held, {counts['failed']} failed, {counts['skipped']} not run.",
    ]
    for section in SECTIONS:
        lines += ["", f"## {section.title}", "", *_section(section, outcomes, tiers)]
    lines += ["", "## Not run, and not claimed", "", "| attack | why |", "|---|---|"]
    lines += [f"| {attack} | {why} |" for attack, why in NOT_RUN]
    return "\n".join(lines)


def _section(section: Section, outcomes: Mapping[str, str], tiers: list[Tier]) -> list[str]:
    columns: list[Tier | None] = [*tiers] if section.by_tier else [None]
    heads = [column.value if column else "held" for column in columns]
    lines = [f"| attack | what holds it | {' | '.join(heads)} | tests |", "|---|---|" + "---|" * (len(columns) + 1)]
    for row in section.rows:
        mine = {node: outcome for node, outcome in outcomes.items() if any(belongs(name, node) for name in names_of(row))}
        # A test outside of boxes shows the same for each tier.
        cells = [
            _cell(outcome for node, outcome in mine.items() if column is None or tier_of(node) in {column, None})
            for column in columns
        ]
        names = ", ".join(f"`{name}`" for name in names_of(row))
        lines.append(f"| {row.attack} | {row.held_by} | {' | '.join(cells)} | {names} |")
    return lines


def _cell(outcomes: Iterable[str]) -> str:
    counts = Counter(outcomes)
    words = (("passed", "held"), ("failed", "FAILED"), ("skipped", "not run"))
    return ", ".join(f"{counts[outcome]} {word}" for outcome, word in words if counts[outcome]) or "none"


def replaced(page: str, table: str) -> str:
    """The page with a new table in it."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
