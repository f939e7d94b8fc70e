"""Small problems for these tests, whole and valid but for what a test breaks on purpose."""

import json

from evolution.problem import Problem, problem_from_files

SEED = """\
# EVOLVE-BLOCK-START
def answer(x):
    return 2.0 * x
# EVOLVE-BLOCK-END
"""
JUDGE = """\
def evaluate(candidate, context):
    return {"score": candidate.call("answer", 3.0)}
"""
STAGE = '[[stages]]\nname = "score"\n'
LENGTH_AXIS = '[[axes]]\nfeature = "length"\nlow = 1\nhigh = 100\ncells = 4\n'


def problem(
    judge: str = JUDGE, *, top: str = "", tables: str = LENGTH_AXIS, stages: str = STAGE, seed: str = SEED, name: str = "small"
) -> Problem:
    """A problem with this judge and seed; `top` are lines of TOML for its top level, `tables` and `stages` follow."""
    text = "\n".join(
        [f'name = "{name}"', 'title = "Small"', f"statement = {json.dumps('Return a number.')}", 'seed = ["seed.py"]', top,
         tables, stages]
    )  # fmt: skip
    files = {"problem.toml": text.encode(), "seed.py": seed.encode(), "judge.py": judge.encode()}
    return problem_from_files(files)


def program(body: str) -> dict[str, str]:
    """The files of a candidate whose `answer(x)` has this one-line body."""
    return {"seed.py": f"# EVOLVE-BLOCK-START\ndef answer(x):\n    {body}\n# EVOLVE-BLOCK-END\n"}
