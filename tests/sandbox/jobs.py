"""The problems that the sandbox is tested with, and short ways to run a candidate in them."""

import textwrap

from evaluators.sandbox import Cause, Job, JobResult, Sandbox
from evolution.evaluation import Purpose
from evolution.language import LANGUAGES, Language
from evolution.problem import Limits, Problem, problem_from_files

SECRET = "the-answer-is-4711"  # noqa: S105 - what candidates look for and must not find
LIMITS = Limits(memory_mib=256, processes=8, files_mib=16)

_JUDGE = f'''
import time
import numpy as np
from galapagos_judge import CandidateDied, CandidateError, CandidateTimeout, Rejected

SECRET = "{SECRET}"

def evaluate(candidate, context):
    return {{"score": 1, "feedback": repr(candidate.call("f"))}}

def evaluate_slowly(candidate, context):
    return {{"score": 1, "feedback": repr(candidate.call("f", timeout=0.3))}}

def survives_failure(candidate, context):
    try:
        candidate.call("f")
    except CandidateError as error:
        return {{"score": 0.5, "feedback": type(error).__name__ + " " + error.cause}}
    return {{"score": 1}}

def calls_again(candidate, context):
    try:
        candidate.call("f", timeout=0.2)
    except CandidateTimeout:
        pass
    return {{"score": candidate.call("g")}}

def calls_twice(candidate, context):
    return {{"score": sum(candidate.call("f") == [True] for _ in range(2))}}

def number_of(candidate, context):
    return {{"score": candidate.call("f")}}

def many(candidate, context):
    values = candidate.call_many("square", [[float(i)] for i in range(2000)])
    return {{"score": sum(values)}}

def arrays(candidate, context):
    sent = {{
        "f8": np.arange(6.0).reshape(2, 3), "f4": np.ones(3, np.float32), "i1": np.array([-1], np.int8),
        "b": np.array([True, False]),
        "c": np.array([1 + 2j]), "none": np.zeros((0, 4)), "scalar": np.array(3.5), "f16": np.array([0.5], np.float16),
        "large": np.arange(1_000_000, dtype=np.uint32),
        "order": np.asfortranarray(np.arange(6).reshape(2, 3)),
    }}
    back = candidate.call("f", sent)
    for name, array in sent.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape and (back[name] == array).all(), name
        back[name][...] = 0
    return {{"score": len(back)}}

def values(candidate, context):
    sent = [None, True, -1, 2**63, 1.5, "text", b"bytes", [1, [2]], {{"key": {{"inner": []}}}}]
    return {{"score": float(candidate.call("f", sent) == sent)}}

def named(candidate, context):
    from galapagos_values import Named
    sent = Named("bfloat16", np.full((2, 100_000), 0x3FC0, np.uint16))
    back = candidate.call("f", sent)
    assert (back.dtype, back.bits.shape) == ("bfloat16", (2, 100_000)), back
    return {{"score": float(back.float32().sum())}}

def truths(candidate, context):
    """Every reply holds true and false alone, and what arrived is not changed any more."""
    checked = 0
    while checked < 200:
        try:
            back = candidate.call("f")
        except CandidateError as error:
            return {{"score": checked, "feedback": error.cause}}
        seen = back.view(np.uint8).copy()
        assert seen.max() <= 1
        time.sleep(0.001)
        assert (back.view(np.uint8) == seen).all()
        checked += 1
    return {{"score": checked, "feedback": "ok"}}

def descriptors(candidate, context):
    import os
    def count():
        found = 0
        for number in range(1024):
            try:
                os.fstat(number)
                found += 1
            except OSError:
                pass
        return found
    before, cause = count(), "ok"
    try:
        candidate.call("f")
    except CandidateError as error:
        cause = error.cause
    return {{"score": count() - before, "feedback": cause}}

def clock(candidate, context):
    results, seconds = candidate.time("f", [[]])
    return {{"score": seconds, "feedback": repr(results)}}

def sums(candidate, context):
    """Each timed call gets numbers and a size that no earlier one had; every result is checked."""
    spent = 0.0
    for _ in range(4):
        x = context.rng.random(int(context.rng.integers(50, 100)))
        results, seconds = candidate.time("f", [[x]])
        if type(results[0]) is not float or abs(results[0] - x.sum()) > 1e-9:
            raise Rejected(f"expected the sum {{x.sum()}}; got {{results[0]!r:.40}}")
        spent += seconds
    return {{"score": spent}}

def random_number(candidate, context):
    told = context.purpose + context.stage
    return {{"score": context.rng.random(), "metrics": {{"repeat": context.repeat}}, "feedback": told}}

def own_data(candidate, context):
    return {{"score": len((context.data / "private" / "data.txt").read_text())}}

def rejects(candidate, context):
    raise Rejected("not sorted at index 3")

def raises(candidate, context):
    context.log("about to raise")
    print("printed")
    raise ZeroDivisionError("of the judge")

def exits(candidate, context):
    import os
    os._exit(0)

def hangs(candidate, context):
    while True:
        time.sleep(1)

def wastes(candidate, context):
    time.sleep(0.5)
    candidate.call("f")

def writes(candidate, context):
    try:
        (context.data / "left").write_text("x")
    except OSError as error:
        return {{"score": 1}}

counter = []
def keeps_state(candidate, context):
    counter.append(1)
    return {{"score": len(counter)}}

def draws(candidate, context):
    return f"<svg>{{candidate.call('f')}}</svg>"

def draws_badly(candidate, context):
    return 3

def metrics(candidate, context):
    text = "x\\x1b[31m\\x00\\ud800y"
    return {{"score": np.float64(2.5), "metrics": {{"a": np.int32(3)}}, "features": {{"b": 1}}, "feedback": text}}

class Liar(float):
    pass

BAD = {{
    "nan": {{"score": float("nan")}}, "infinite": {{"score": float("inf")}}, "bool": {{"score": True}},
    "text": {{"score": "1"}}, "huge": {{"score": 10**400}}, "subclass": {{"score": Liar(1)}}, "none": None,
    "missing": {{}}, "unknown": {{"score": 1, "scores": 2}},
    "metric": {{"score": 1, "metrics": {{"a": float("nan")}}}}, "name": {{"score": 1, "metrics": {{"a b": 1}}}},
    "features": {{"score": 1, "features": [1]}}, "feedback": {{"score": 1, "feedback": 3}},
}}

def bad(candidate, context):
    return BAD[context.stage]
'''
_HEAD = 'name = "attacks"\ntitle = "Attacks"\nstatement = "None."\n'
_PYTHON_SEED = "# EVOLVE-BLOCK-START\ndef f():\n    return 1\n# EVOLVE-BLOCK-END\n"
_COMPILED_SEED = "// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-END\n"

PROBLEM: Problem = problem_from_files(
    {
        "problem.toml": f'{_HEAD}seed = ["program.py", "extra/part.py"]\n'.encode(),
        "program.py": _PYTHON_SEED.encode(),
        "extra/part.py": _PYTHON_SEED.encode(),
        "judge.py": _JUDGE.encode(),
        "private/data.txt": SECRET.encode(),
    }
)
_COMPILED_JUDGE = """
import numpy as np
def evaluate(candidate, context):
    x = np.array([3.0, 1.0, 2.0])
    n = np.array([0], dtype=np.int64)
    after = candidate.call("f", x, n, 2, 0.5)
    return {"score": float(after[0].sum()), "metrics": {"n": int(after[1][0])}}
def empty(candidate, context):
    return {"score": len(candidate.call("f"))}
def clock(candidate, context):
    _, seconds = candidate.time("f", [[np.array([1.0])]])
    return {"score": seconds}
"""


def source_name(language: Language) -> str:
    return f"program{LANGUAGES[language].suffixes[0]}"


def compiled_problem(language: Language) -> Problem:
    name = source_name(language)
    return problem_from_files(
        {
            "problem.toml": f'{_HEAD}language = "{language.value}"\nseed = ["{name}"]\n'.encode(),
            name: _COMPILED_SEED.encode(),
            "judge.py": f"{_COMPILED_JUDGE}# {SECRET}\n".encode(),
        }
    )


ATTEMPT = """
def attempt(*tries):
    outcomes = []
    for one in tries:
        try:
            outcomes.append(one())
        except Exception as error:
            outcomes.append(type(error).__name__)
    return outcomes
"""
"""Source that collects what several tries give, an exception by its name."""


def job(source: str, entry: str = "evaluate", **changes: object) -> Job:
    fields: dict[str, object] = {
        "files": {"program.py": textwrap.dedent(source), "extra/part.py": ""},
        "entry": entry,
        "purpose": Purpose.SEARCH,
        "stage": "score",
        "repeat": 0,
        "seed": bytes(32),
        "timeout_s": 10.0,
        "limits": LIMITS,
    }
    return Job(**(fields | changes))  # pyright: ignore[reportArgumentType]


async def attack(slot: Sandbox, source: str, entry: str = "evaluate", **changes: object) -> JobResult:
    """Run `source`, then see that the slot serves the next candidate as if nothing had been."""
    result = await slot.run(job(source, entry, **changes))
    after = await slot.run(job("def f():\n    return 'alive'\n"))
    assert after.cause is Cause.OK, after
    assert after.value is not None
    assert after.value.feedback == "'alive'"
    assert after.duration_s < 2.0
    return result


async def answer(slot: Sandbox, body: str, **changes: object) -> str:
    """What the candidate's function of this body returns, as text."""
    source = "def f():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    result = await attack(slot, source, **changes)
    assert result.cause is Cause.OK, result
    assert result.value is not None
    return result.value.feedback
