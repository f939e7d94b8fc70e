"""An audit finds the hole of every judge that is weak on purpose, and none in sound ones."""

from collections.abc import Collection
from pathlib import Path

import pytest

from evaluators.audit.audit import audit_problem
from evaluators.audit.weaknesses import ADVICE, AuditReport, Weakness
from evolution.evaluation import Tier
from tests.audit.under_audit import Weak
from tests.audit.weak_constructions import CONSTRUCTIONS
from tests.audit.weak_functions import FUNCTIONS, SOUND

WEAK = CONSTRUCTIONS | FUNCTIONS


async def audited(weak: Weak, cache: Path, only: Collection[Weakness]) -> AuditReport:
    report = await audit_problem(weak.problem, Tier.NAMESPACES, cache, only=only)
    assert report.errors == []
    return report


FIRST = {weak.finds: name for name, weak in reversed(WEAK.items())}
"""One for each weakness; the others take longer together than a quick look may."""


@pytest.mark.parametrize(
    "name", [name if name in FIRST.values() else pytest.param(name, marks=pytest.mark.soak) for name in WEAK]
)
async def test_the_hole_of_a_weak_judge_is_found(name: str, tmp_path: Path) -> None:
    weak = WEAK[name]
    # Refusals are looked at that other probes brought.
    report = await audited(weak, tmp_path, {weak.finds} | ({Weakness.VALUES} if weak.finds is Weakness.WORDS else set()))
    found = [hole for hole in report.holes if hole.weakness is weak.finds]
    assert any(weak.words in f"{hole.probe} {hole.said} {hole.why}" for hole in found), report.holes
    assert all(hole.said and hole.why and hole.do for hole in report.holes)
    assert report.strength is not None
    assert report.strength < 1


@pytest.mark.parametrize("name", [next(iter(SOUND)), *(pytest.param(name, marks=pytest.mark.soak) for name in list(SOUND)[1:])])
async def test_a_sound_judge_holds_every_probe(name: str, tmp_path: Path) -> None:
    report = await audited(SOUND[name], tmp_path, tuple(Weakness))
    assert report.holes == []
    assert report.strength == 1
    assert len(report.probed) > 50


def test_every_weakness_is_that_of_a_weak_judge() -> None:
    assert {weak.finds for weak in WEAK.values()} == set(Weakness)
    assert set(ADVICE) == set(Weakness)
