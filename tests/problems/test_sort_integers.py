import pytest

from evolution.evaluation import Purpose, Verdict
from tests.problems.judged import PROBLEMS, built_in, outcome_of, red_team, slot

NAME = "sort_integers"


async def test_the_seed_is_slow_and_the_references_are_faster() -> None:
    problem = built_in(NAME)
    references = PROBLEMS / NAME / "references"
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, problem.seed_files["sort.c"])
        ciura = await outcome_of(sandbox, problem, (references / "ciura.c").read_text())
        radix = await outcome_of(sandbox, problem, (references / "radix.c").read_text())
    assert seed.score is not None
    assert ciura.score is not None
    assert radix.score is not None
    # Measured: 0.16, 0.6 and 6. Half of each step is asked for, since machines and their load differ.
    assert 0.02 < seed.score < 0.5
    assert ciura.score > 1.8 * seed.score
    assert radix.score > 2 * ciura.score
    assert seed.metrics["nanoseconds"] > 10


async def test_a_verified_score_is_the_mean_of_fresh_repeats() -> None:
    problem = built_in(NAME)
    async with slot(problem) as sandbox:
        outcome = await outcome_of(sandbox, problem, (PROBLEMS / NAME / "references" / "radix.c").read_text(), Purpose.VERIFY)
    samples = outcome.stages[0].samples
    assert len(set(samples)) == problem.definition.verification.repeats == 3
    assert outcome.score == pytest.approx(sum(samples) / 3)


async def test_the_red_team_gets_no_score() -> None:
    problem = built_in(NAME)
    verdicts: dict[str, Verdict] = {}
    async with slot(problem) as sandbox:
        for name, text in red_team(NAME).items():
            verdicts[name] = (await outcome_of(sandbox, problem, text)).verdict
    assert [name for name, verdict in verdicts.items() if verdict is Verdict.SCORED] == []
    assert verdicts["does_nothing"] is Verdict.WRONG
    assert verdicts["zeros"] is Verdict.WRONG
    assert verdicts["does_not_compile"] is Verdict.CRASHED
