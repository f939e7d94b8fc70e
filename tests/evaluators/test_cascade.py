"""The cascade with a real sandbox: stages, repeats, gates, seeds, hidden stages, pictures, and whose fault it was."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from evaluators.cascade import Candidate, Judgement, judge, judge_seed
from evaluators.faults import JudgeFault
from evaluators.sandbox import Packages, Sandbox, open_sandbox
from evolution.evaluation import Purpose, Tier, Twin, Verdict
from evolution.problem import Problem
from tests.evaluators.small_problems import LENGTH_AXIS, STAGE, problem, program

SECRET = b"s" * 32
HALF = program("return x / 2")


@asynccontextmanager
async def opened(of: Problem) -> AsyncGenerator[Sandbox]:
    sandbox = open_sandbox(Tier.NAMESPACES, of, Packages())
    try:
        await sandbox.start()
        yield sandbox
    finally:
        await sandbox.close()


async def judged(
    of: Problem, *programs: dict[str, str], purpose: Purpose = Purpose.SEARCH, secret: bytes = SECRET
) -> list[Judgement]:
    async with opened(of) as sandbox:
        return [await judge(sandbox, of, Candidate(files, purpose, secret)) for files in programs]


DRAWS = """
def evaluate(candidate, context):
    candidate.call("answer", 1.0)
    return {"score": float(context.rng.integers(2**40)), "metrics": {"repeat": context.repeat}}
def hidden(candidate, context):
    return {"score": float(context.rng.integers(2**40)), "metrics": {"secret": 5.0}, "features": {"x": 1.0}, "feedback": "no"}
"""


def test_seeds_differ_in_every_part_and_repeat_exactly() -> None:
    seeds = {
        judge_seed(secret, revision, purpose, stage, repeat, series)
        for secret in (b"1", b"2")
        for revision in ("a", "b")
        for purpose in Purpose
        for stage in ("s", "t")
        for repeat in (0, 1)
        for series in (0, 1)
    }
    assert len(seeds) == 64
    assert judge_seed(b"1", "a", Purpose.SEARCH, "s", 0) in seeds
    assert {len(seed) for seed in seeds} == {32}


async def test_the_score_is_the_mean_over_repeats_that_draw_different_numbers_and_equal_ones_for_all_programs() -> None:
    of = problem(DRAWS, stages=STAGE + "repeats = 3\n")
    first, other = await judged(of, of.seed_files, HALF)
    (stage,) = first.outcome.stages
    assert len(set(stage.samples)) == 3
    assert first.outcome.score == pytest.approx(sum(stage.samples) / 3)
    assert stage.metrics == {"repeat": 1.0}
    assert other.outcome.stages[0].samples == stage.samples
    ((elsewhere),) = await judged(of, of.seed_files, secret=b"t" * 32)
    assert not set(elsewhere.outcome.stages[0].samples) & set(stage.samples)


async def test_a_verification_draws_fresh_numbers_more_often_and_runs_hidden_stages() -> None:
    of = problem(
        DRAWS,
        tables=LENGTH_AXIS + "[verification]\nrepeats = 2\n",
        stages=STAGE + 'repeats = 2\n[[stages]]\nname = "unseen"\nentry = "hidden"\nhidden = true\n',
    )
    (searched,) = await judged(of, of.seed_files)
    (verified,) = await judged(of, of.seed_files, purpose=Purpose.VERIFY)
    assert [stage.stage for stage in searched.outcome.stages] == ["score"]
    public, hidden = verified.outcome.stages
    assert len(public.samples) == 4
    assert not set(public.samples) & set(searched.outcome.stages[0].samples)
    assert (public.hidden, hidden.hidden) == (False, True)
    assert hidden.metrics == {"secret": 5.0}
    assert verified.outcome.score == public.score
    assert "secret" not in verified.outcome.metrics
    assert "x" not in verified.outcome.features


async def test_a_failing_hidden_stage_is_recorded_and_changes_nothing() -> None:
    of = problem(
        """
from galapagos_judge import Rejected
def evaluate(candidate, context):
    return {"score": 1.0}
def unseen(candidate, context):
    raise Rejected("overfitted")
""",
        stages='[[stages]]\nname = "unseen"\nentry = "unseen"\nhidden = true\n' + STAGE,
    )
    (verified,) = await judged(of, of.seed_files, purpose=Purpose.VERIFY)
    assert (verified.outcome.verdict, verified.outcome.score) == (Verdict.SCORED, 1.0)
    assert [(stage.stage, stage.verdict) for stage in verified.outcome.stages] == [
        ("score", Verdict.SCORED),
        ("unseen", Verdict.WRONG),
    ]


GATED = """
def quick(candidate, context):
    value = candidate.call("answer", 1.0)
    return {"score": value, "metrics": {"quick": value}, "feedback": "judge's words"}
def full(candidate, context):
    return {"score": candidate.call("answer", 10.0), "metrics": {"full": 1.0}}
"""
TWO_STAGES = """
[[stages]]
name = "quick"
entry = "quick"
gates = [{metric = "quick", at_least = 1.0, at_most = 5.0}]
[[stages]]
name = "full"
entry = "full"
"""


async def test_gates_stop_the_cascade_and_say_why() -> None:
    of = problem(GATED, stages=TWO_STAGES)
    passed, low, high = await judged(of, of.seed_files, HALF, program("return 6.0 * x"))
    assert (passed.outcome.verdict, passed.outcome.score) == (Verdict.SCORED, 20.0)
    assert passed.outcome.metrics == {"quick": 2.0, "full": 1.0}
    assert [stage.stage for stage in passed.outcome.stages] == ["quick", "full"]
    (stage,) = low.outcome.stages
    assert (low.outcome.verdict, low.outcome.score, stage.score) == (Verdict.GATED, None, None)
    assert stage.feedback == "stage 'quick' needs quick of at least 1; got 0.5\njudge's words"
    assert "at most 5; got 6" in high.outcome.stages[0].feedback


async def test_a_gate_may_name_the_raw_score_whatever_the_direction() -> None:
    gate = STAGE + 'gates = [{metric = "score", at_most = 5.0}]\n'
    of = problem(tables='[score]\ndirection = "minimize"\n' + LENGTH_AXIS, stages=gate)
    passed, stopped = await judged(of, HALF, of.seed_files)
    assert (passed.outcome.verdict, passed.outcome.score) == (Verdict.SCORED, -1.5)
    assert passed.outcome.stages[0].samples == (-1.5,)
    assert stopped.outcome.verdict is Verdict.GATED


async def test_a_gate_on_a_metric_that_the_judge_does_not_return_is_the_judges_fault() -> None:
    of = problem(stages=STAGE + 'gates = [{metric = "area", at_least = 1.0}]\n')
    with pytest.raises(JudgeFault, match="gate on the metric 'area'"):
        await judged(of, of.seed_files)


async def test_axes_need_their_features() -> None:
    axis = '[[axes]]\nfeature = "width"\nlow = 0\nhigh = 1\ncells = 4\n'
    of = problem(tables=LENGTH_AXIS + axis)
    with pytest.raises(JudgeFault, match=r"need the features \['width'\]"):
        await judged(of, of.seed_files)
    given = problem('def evaluate(c, x):\n    return {"score": 1.0, "features": {"width": 0.5}}\n', tables=LENGTH_AXIS + axis)
    (right,) = await judged(given, given.seed_files)
    assert right.outcome.features == {"width": 0.5}


async def test_the_first_failing_repeat_ends_its_stage() -> None:
    of = problem(
        """
from galapagos_judge import Rejected
def evaluate(candidate, context):
    if context.repeat == 1:
        raise Rejected("second time")
    return {"score": 1.0, "metrics": {"m": 2.0}}
""",
        stages=STAGE + "repeats = 5\n",
    )
    (wrong,) = await judged(of, of.seed_files)
    (stage,) = wrong.outcome.stages
    assert (wrong.outcome.verdict, wrong.outcome.score) == (Verdict.WRONG, None)
    assert stage.samples == (1.0,)
    assert "second time" in stage.feedback


async def test_each_doing_of_a_candidate_gets_its_verdict_and_the_slot_goes_on() -> None:
    of = problem(stages=STAGE + "timeout_s = 1.5\n")
    endings = {
        "raise ValueError('my own words')": Verdict.CRASHED,
        "while True: pass": Verdict.TIMED_OUT,
        "import os; os._exit(0)": Verdict.CRASHED,
        "return [0] * (1 << 31)": Verdict.OUT_OF_MEMORY,
        "return object()": Verdict.WRONG,
        "return 1.0": Verdict.SCORED,
    }
    results = await judged(of, *map(program, endings), {"seed.py": "def answer(:\n"}, of.seed_files)
    assert [result.outcome.verdict for result in results] == [*endings.values(), Verdict.CRASHED, Verdict.SCORED]
    assert "my own words" in results[0].outcome.stages[0].feedback
    assert results[-1].outcome.score == 6.0


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ('{"score": float("nan")}', "finite"),
        ('{"score": float("inf")}', "finite"),
        ('{"score": True}', "bool"),
        ('{"score": "1"}', "str"),
        ('{"score": 1.0, "metrics": {"m": None}}', "NoneType"),
        ('{"score": 1.0, "fingerprint": b"x"}', "fingerprint: expected a str of at most 128 characters; got bytes"),
        ('{"score": 1.0, "fingerprint": 129 * "x"}', "fingerprint: expected a str of at most 128 characters; got str"),
        ("1 / 0", "ZeroDivisionError"),
        ("None", "dict"),
    ],
)
async def test_a_judge_without_a_number_is_at_fault_itself(returned: str, words: str) -> None:
    of = problem(f"def evaluate(candidate, context):\n    return {returned}\n")
    with pytest.raises(JudgeFault, match=words) as caught:
        await judged(of, of.seed_files)
    assert "stage 'score', repeat 0" in str(caught.value)


STAGES = STAGE.replace("score", "look") + 'entry = "look"\n' + STAGE
LOOKS = """
def look(candidate, context):
    found = candidate.call("answer", 2.0)
    return {"score": found, "metrics": {"looked": 1.0, "own": found}, "fingerprint": f"answers {found}"}
def evaluate(candidate, context):
    return {"score": candidate.call("answer", 3.0), "metrics": {"whole": 1.0}, "feedback": "all seen"}
"""


async def test_what_behaves_as_an_earlier_program_is_given_its_result_and_spends_nothing_more() -> None:
    of = problem(LOOKS, stages=STAGES)
    # Alike where the first stage looks, not where the second one would.
    alike = program("return 2 * x if x < 3 else 1 / 0")
    known: dict[bytes, Twin] = {}
    asked: list[bytes] = []

    async def twins(fingerprint: bytes) -> Twin | None:
        asked.append(fingerprint)
        return known.get(fingerprint)

    async with opened(of) as sandbox:
        first = await judge(sandbox, of, Candidate(of.seed_files, Purpose.SEARCH, SECRET), twins=twins)
        assert first.fingerprint is not None
        known[first.fingerprint] = Twin(7, first.outcome.stages)
        other = await judge(sandbox, of, Candidate(HALF, Purpose.SEARCH, SECRET), twins=twins)
        twin = await judge(sandbox, of, Candidate(alike, Purpose.SEARCH, SECRET), twins=twins)
        verified = await judge(sandbox, of, Candidate(alike, Purpose.VERIFY, SECRET), twins=twins)
    assert asked == [first.fingerprint, other.fingerprint, twin.fingerprint]
    assert (first.twin, first.outcome.score) == (None, 6.0)
    assert (other.twin, other.outcome.score) == (None, 1.5)
    assert (twin.twin, twin.outcome.verdict, twin.outcome.score) == (7, Verdict.SCORED, 6.0)
    assert twin.outcome.metrics == {"looked": 1.0, "own": 4.0, "whole": 1.0}
    look, taken = twin.outcome.stages
    assert look.duration_s > 0
    assert (taken.stage, taken.samples, taken.duration_s, taken.cpu_s) == ("score", (6.0,), 0.0, 0.0)
    assert taken.feedback == "this program behaves exactly as program 7, whose result this is: all seen"
    assert (verified.twin, verified.fingerprint, verified.outcome.verdict) == (None, None, Verdict.CRASHED)


async def test_a_fingerprint_counts_before_the_last_public_stage_and_if_every_repeat_gave_one() -> None:
    async def twins(_fingerprint: bytes) -> Twin | None:
        raise AssertionError("nothing is looked up")

    only = problem('def evaluate(candidate, context):\n    return {"score": 1.0, "fingerprint": "x"}\n')
    half = problem(
        LOOKS.replace('f"answers {found}"', '"" if context.repeat else "x"'),
        stages=STAGES.replace('entry = "look"', 'entry = "look"\nrepeats = 2'),
    )
    for of in (only, half):
        async with opened(of) as sandbox:
            judgement = await judge(sandbox, of, Candidate(of.seed_files, Purpose.SEARCH, SECRET), twins=twins)
        assert (judgement.outcome.verdict, judgement.fingerprint, judgement.twin) == (Verdict.SCORED, None, None)


PICTURE = """
def evaluate(candidate, context):
    return {"score": candidate.call("answer", 1.0)}
def draw(candidate, context):
    if candidate.call("answer", 1.0) < 1:
        raise RuntimeError("nothing to draw")
    return "<svg/>"
"""


async def test_a_picture_is_drawn_for_verification_only_and_decides_nothing() -> None:
    of = problem(PICTURE, top='picture = "draw"')
    (searched,) = await judged(of, of.seed_files)
    drawn, failed = await judged(of, of.seed_files, HALF, purpose=Purpose.VERIFY)
    assert searched.picture is None
    assert (drawn.picture, drawn.picture_fault) == ("<svg/>", "")
    assert (failed.outcome.verdict, failed.outcome.score, failed.picture) == (Verdict.SCORED, 0.5, None)
    assert "nothing to draw" in failed.picture_fault
