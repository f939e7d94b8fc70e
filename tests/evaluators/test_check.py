"""The check of a problem: what an author is told before a run."""

from pathlib import Path

import pytest

from evaluators.check import CheckReport, check_problem
from evolution.evaluation import Tier
from evolution.problem import Problem
from tests.evaluators.small_problems import LENGTH_AXIS, STAGE, problem

NOISY = """
import time
def evaluate(candidate, context):
    return {"score": time.time(), "features": {"width": 7.0}}
"""


async def checked(of: Problem, cache: Path) -> CheckReport:
    return await check_problem(of, Tier.NAMESPACES, cache)


async def test_a_sound_problem_is_usable_and_reported_whole(tmp_path: Path) -> None:
    of = problem(tables=LENGTH_AXIS + "[verification]\nrepeats = 2\n", stages=STAGE + "repeats = 2\n")
    report = await checked(of, tmp_path)
    assert (report.usable, report.errors, report.warnings) == (True, [], [])
    assert report.search is not None
    assert report.verify is not None
    assert (report.search.score, report.verify.score) == (6.0, 6.0)
    assert report.deterministic is True
    assert report.spread == {"score": 0.0}
    assert report.search.stages[0].duration_s > 0
    assert len(report.verify.stages[0].samples) == 4


async def test_noise_and_features_outside_of_their_axes_are_warned_of(tmp_path: Path) -> None:
    of = problem(NOISY, tables='[[axes]]\nfeature = "width"\nlow = 0\nhigh = 1\ncells = 4\n')
    report = await checked(of, tmp_path)
    assert report.usable
    assert report.deterministic is False
    assert report.spread["score"] > 0
    noise, axis = report.warnings
    assert "unequal scores" in noise
    assert "width is 7, outside of its axis (0 to 1)" in axis


async def test_a_hidden_stage_that_the_seed_fails_and_a_missing_picture_are_warned_of(tmp_path: Path) -> None:
    judge = """
from galapagos_judge import Rejected
def evaluate(candidate, context):
    return {"score": 1.0}
def unseen(candidate, context):
    raise Rejected("not on new data")
"""
    of = problem(judge, top='picture = "draw"', stages=STAGE + '[[stages]]\nname = "u"\nentry = "unseen"\nhidden = true\n')
    report = await checked(of, tmp_path)
    assert report.usable
    hidden, picture = report.warnings
    assert "'u' (wrong)" in hidden
    assert "not on new data" in hidden
    assert "draw" in picture


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ("def evaluate(candidate, context):\n    raise KeyError('lost')\n", "lost"),
        ("def evaluate(candidate, context):\n    return {'score': float('nan')}\n", "finite"),
        ("def evaluate(candidate, context):\n    candidate.call('no_such_function')\n", "the seed program must be scored"),
        ("def evaluate(\n", "judge.py"),
        ("def other(candidate, context):\n    return {'score': 1.0}\n", "evaluate"),
    ],
)
async def test_what_stops_a_run_is_an_error(tmp_path: Path, judge: str, words: str) -> None:
    report = await checked(problem(judge), tmp_path)
    assert not report.usable
    (error,) = report.errors
    assert words in error


async def test_packages_are_importable_for_whom_they_are_named(tmp_path: Path) -> None:
    seed = "# EVOLVE-BLOCK-START\ndef answer(x):\n    import six\n    return 1.0\n# EVOLVE-BLOCK-END\n"
    judge = "import six\ndef evaluate(candidate, context):\n    return {'score': candidate.call('answer', 1.0)}\n"
    both = '[environment]\npackages = ["six"]\njudge_packages = ["six"]\n'
    assert (await checked(problem(judge, seed=seed, tables=LENGTH_AXIS + both), tmp_path)).errors == []
    only_judge = '[environment]\njudge_packages = ["six"]\n'
    report = await checked(problem(judge, seed=seed, tables=LENGTH_AXIS + only_judge), tmp_path)
    assert "No module named 'six'" in report.errors[0]


async def test_packages_that_cannot_be_installed_are_an_error(tmp_path: Path) -> None:
    wanted = '[environment]\npackages = ["galapagos-no-such-package-zq"]\n'
    report = await checked(problem(tables=LENGTH_AXIS + wanted), tmp_path)
    assert "galapagos-no-such-package-zq" in report.errors[0]
