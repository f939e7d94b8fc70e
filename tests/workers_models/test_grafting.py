"""Whole programs as answers: their blocks come into the parent's frame, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolution.proposal import Refusal
from tests.workers_models.test_diff import GOOD, PI, SEED, TWO, changes, program, refused
from workers.diff import Applied, apply_answer, ignored_of

KEPT = "the text outside of the EVOLVE-BLOCKs stayed as it was"


@pytest.mark.parametrize(
    ("program", "ignored"),
    [
        (PI.replace("area(2)", "area(3)"), f"{KEPT}, and of the answer was ignored: `return area(3)`"),
        ('"""Circles."""\n' + PI, f'{KEPT}, and of the answer was ignored: `"""Circles."""`'),
        (PI.replace("import math", "import os\nimport math\nimport re"),
         f"{KEPT}, and of the answer was ignored: `import os`, `import re`"),
        (PI.replace("import math\n", "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n"),
         f"{KEPT}, and of the answer was ignored: `a = 1`, `b = 2`, `c = 3` and 2 more lines"),
        (PI.replace("import math\n", ""), f"{KEPT}; the answer has it otherwise"),
        (PI[: PI.index("def main")], f"{KEPT}; the answer has it otherwise"),
        (PI[PI.index("# EVOLVE") : PI.index("def main")], ""),
        (PI, ""),
    ],
)  # fmt: skip
def test_of_a_whole_program_only_the_blocks_are_taken_and_the_rest_is_said(program: str, ignored: str) -> None:
    answer = f"Another approach.\n```python\n{program}```"
    assert apply_answer({"main.py": SEED}, answer) == Applied({"main.py": PI}, ignored)
    assert ignored_of({"main.py": SEED}, answer) == ignored
    crlf = SEED.replace("\n", "\r\n")
    assert apply_answer({"main.py": crlf}, answer) == Applied({"main.py": PI.replace("\n", "\r\n")}, ignored)


def test_blocks_are_taken_by_their_order() -> None:
    two = SEED + "# EVOLVE-BLOCK-START\nw = 1\n# EVOLVE-BLOCK-END\n"
    other = two.replace("import math", "import cmath").replace("w = 1", "w = 2")
    assert apply_answer({"main.py": two}, f"```\n{other}```") == Applied(
        {"main.py": two.replace("w = 1", "w = 2")}, f"{KEPT}, and of the answer was ignored: `import cmath`"
    )
    assert "expected 2 EVOLVE-BLOCKs, got 1" in refused(f"```\n{PI}```", {"main.py": two}).detail


def test_what_is_ignored_is_said_for_each_file() -> None:
    answer = (
        f"### rule.py\n```\nimport os\n{TWO['lib/rule.py'].replace('p = 1', 'p = 2')}```\n### main.py\n```\n{PI}x = `1`\n```"
    )
    assert apply_answer(TWO, answer) == Applied(
        {"main.py": PI, "lib/rule.py": TWO["lib/rule.py"].replace("p = 1", "p = 2")},
        f"lib/rule.py: {KEPT}, and of the answer was ignored: `import os`; "
        f"main.py: {KEPT}, and of the answer was ignored: `x = '1'`",
    )
    assert ignored_of(TWO, GOOD) == ignored_of(TWO, "prose") == ignored_of(TWO, "```\nx = 1\n```") == ""


outside = st.lists(st.text(st.characters(exclude_characters="\n`<>@+-#"), max_size=12), max_size=5).map("\n".join)


@given(changes(), outside, outside, st.sampled_from(["\n", "\r\n"]))
def test_whatever_stands_around_the_blocks_of_an_answer_only_the_blocks_are_taken(
    change: tuple[list[str], list[str], list[tuple[int, int, list[str]]]], head: str, tail: str, newline: str
) -> None:
    old, new, _ = change
    parent = {"main.py": program(old, newline)}
    blocks = "\n".join(["# EVOLVE-BLOCK-START", *new, "# EVOLVE-BLOCK-END"])
    result = apply_answer(parent, f"```\n{head}\n{blocks}\n{tail}\n```")
    if isinstance(result, Applied):
        assert result.files == {"main.py": program(new, newline)}
    else:
        assert result.reason in {Refusal.OUTSIDE_EVOLVE_BLOCK, Refusal.NO_CHANGE}
        assert new in ([], old)
