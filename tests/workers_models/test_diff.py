import difflib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolution.evolve_blocks import check_only_blocks_changed
from evolution.proposal import Refusal
from workers.diff import Applied, NotApplied, apply_answer

SEED = """\
import math

# EVOLVE-BLOCK-START
def area(radius):
    if radius > 0:
        return 3 * radius ** 2
    return 0


def twice(x):
    return x + x
# EVOLVE-BLOCK-END

def main():
    return area(2)
"""


def edit(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def applied(answer: str, **files: str) -> str:
    result = apply_answer(files or {"main.py": SEED}, answer)
    assert isinstance(result, Applied), result
    assert check_only_blocks_changed(files or {"main.py": SEED}, result.files) is None
    return result.files["main.py"]


def changed(files: dict[str, str], answer: str) -> dict[str, str]:
    result = apply_answer(files, answer)
    assert isinstance(result, Applied), result
    assert result.ignored == ""
    return result.files


def refused(answer: str, files: dict[str, str] | None = None) -> NotApplied:
    result = apply_answer(files or {"main.py": SEED}, answer)
    assert isinstance(result, NotApplied), result
    return result


PI = SEED.replace("3 * radius", "math.pi * radius")
GOOD = edit("        return 3 * radius ** 2\n", "        return math.pi * radius ** 2\n")


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"Use pi.\n\n```python\n{GOOD}```\nThat is all.",
        f"<think>\n{edit('x', 'y')}\n</think>\n{GOOD}",
        f"half a thought\n</think>\n{GOOD}",
        f"### main.py\n```diff\n{GOOD}```",
        f"<answer>\n{GOOD}</answer>",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("SEARCH", "SEARCH   ").replace("=======", "======= "),
        GOOD.rstrip("\n"),
        "```diff\n--- a/main.py\n+++ b/main.py\n@@ -4,4 +4,4 @@ def area\n def area(radius):\n     if radius > 0:\n"
        "-        return 3 * radius ** 2\n+        return math.pi * radius ** 2\n     return 0\n\n```\nDone",
        "@@\n-        return 3 * radius ** 2\n+        return math.pi * radius ** 2",
        "```diff\n     if radius > 0:\n-        return 3 * radius ** 2\n+        return math.pi * radius ** 2\n```",
        "*** Begin Patch\n*** Update File: main.py\n@@\n-        return 3 * radius ** 2\n"
        "+        return math.pi * radius ** 2\n*** End Patch",
        f"```python\n{PI}```",
        f"Here:\n~~~~ python main.py\n{PI}~~~~\nand how to run it:\n```bash\npython main.py\n```",
        f"<answer>\n{PI}</answer>",
        f'<file path="main.py">\n{PI}\n</file>',
        f"<answer><program>\n{PI}</program></answer>",
        PI,
        "```\n" + PI[PI.index("def area") : PI.index("# EVOLVE-BLOCK-END")] + "```",
        "```\n" + PI.replace("# EVOLVE-BLOCK-START\n", "").replace("# EVOLVE-BLOCK-END\n", "") + "```",
        "```\n" + PI[PI.index("# EVOLVE-BLOCK-START") : PI.index("\ndef main")] + "```",
        f"```python\nprint('a sketch')\n```\n```python\n{PI}```",
        f"- First:\n  ```python\n{''.join('  ' + line for line in PI.splitlines(keepends=True))}  ```",
        f"```python\n{PI.replace('import math', 'import math   ')}```",
    ],
)
def test_every_form_of_answer_is_understood(answer: str) -> None:
    assert applied(answer) == PI


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("        return 3 * radius ** 2   \n", "        return math.pi * radius ** 2\n"),
        ("return 3 * radius ** 2\n", "return math.pi * radius ** 2\n"),
        ("    if radius > 0:\n        return 3 * radius ** 2\n", "    if radius > 0:\n        return math.pi * radius ** 2\n"),
        ("if radius > 0:\n    return 3 * radius ** 2\n", "if radius > 0:\n    return math.pi * radius ** 2\n"),
        ("            if radius > 0:\n                return 3 * radius ** 2\n",
         "            if radius > 0:\n                return math.pi * radius ** 2\n"),
        ("\tif radius > 0:\n\t\treturn 3 * radius ** 2\n", "\tif radius > 0:\n\t\treturn math.pi * radius ** 2\n"),
        ("        return 3  *  radius ** 2\n", "        return math.pi * radius ** 2\n"),
        ("\n\n        return 3 * radius ** 2\n\n", "\n\n        return math.pi * radius ** 2\n\n"),
        ("# EVOLVE-BLOCK-START\ndef area(radius):\n    if radius > 0:\n        return 3 * radius ** 2\n",
         "# EVOLVE-BLOCK-START\ndef area(radius):\n    if radius > 0:\n        return math.pi * radius ** 2\n"),
    ],
)  # fmt: skip
def test_white_space_drift_is_forgiven(search: str, replace: str) -> None:
    assert applied(edit(search, replace)) == PI


def test_new_lines_are_shifted_and_translated_like_the_old_ones() -> None:
    tabs = "# EVOLVE-BLOCK-START\ndef f(x):\n\tif x:\n\t\treturn 1\n\treturn 0\n# EVOLVE-BLOCK-END\n"
    answer = edit("    if x:\n        return 1\n", "    for i in x:\n        if i:\n            return 2\n")
    assert applied(answer, **{"main.py": tabs}) == tabs.replace(
        "\tif x:\n\t\treturn 1\n", "\tfor i in x:\n\t\tif i:\n\t\t\treturn 2\n"
    )
    deeper = edit(
        "if radius > 0:\n    return 3 * radius ** 2\n", "if radius > 0:\n    if radius > 1:\n        return 7\n\n    return 1\n"
    )
    assert "    if radius > 0:\n        if radius > 1:\n            return 7\n\n        return 1\n    return 0\n" in applied(
        deeper
    )
    less = edit("            return 0\n", "            return 1\n        # end\n")
    assert "    return 1\n# end\n" in applied(less)


def test_several_blocks_apply_in_order() -> None:
    child = applied(
        GOOD + "and\n" + edit("    return x + x\n", "    y = x\n    return y * 2\n") + edit("    y = x\n", "    y = 1 * x\n")
    )
    assert child == PI.replace("    return x + x\n", "    y = 1 * x\n    return y * 2\n")


def test_crlf_files_keep_their_line_ends_to_the_byte() -> None:
    crlf = SEED.replace("\n", "\r\n")
    assert applied(GOOD, **{"main.py": crlf}) == PI.replace("\n", "\r\n")
    assert applied(f"```\n{PI}```", **{"main.py": crlf}) == PI.replace("\n", "\r\n")
    mixed = SEED.replace("import math\n", "import math\r\n")
    assert applied(GOOD, **{"main.py": mixed}) == PI.replace("import math\n", "import math\r\n")


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        ("I cannot help with that.", Refusal.NO_ANSWER, "the answer holds none"),
        ("", Refusal.NO_ANSWER, "the answer holds none"),
        ("<think>\n" + GOOD, Refusal.NO_ANSWER, "the answer holds none"),
        ("```bash\nls\n```", Refusal.NO_ANSWER, "the answer holds none"),
        (edit("    return 3 * radius ** 3\n", "    return 1\n"), Refusal.DID_NOT_APPLY,
         "block 1: SEARCH text not found; the closest lines are, from line 6:\n            return 3 * radius ** 2"),
        (edit("zzzzzzzzzzzz\n", "1\n"), Refusal.DID_NOT_APPLY, "block 1: SEARCH text not found; it begins with 'zzzz"),
        (edit("    return 3\n", "    return x + x\n"), Refusal.DID_NOT_APPLY, "REPLACE text stands there already"),
        (GOOD + edit("nothing like it\n", "1\n"), Refusal.DID_NOT_APPLY, "block 2: SEARCH text not found"),
        (edit("", "    return 1\n"), Refusal.DID_NOT_APPLY, "SEARCH is empty"),
        ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE", Refusal.DID_NOT_APPLY, "block 1: expected a line `=======`"),
        ("<<<<<<< SEARCH\na\n=======\nb\n", Refusal.DID_NOT_APPLY, "block 1: expected a line `>>>>>>> REPLACE`"),
        ("<<<<<<< SEARCH\na\n" + GOOD, Refusal.DID_NOT_APPLY, "block 1: expected a line `>>>>>>> REPLACE`"),
        (GOOD.replace("3", "0", 1) + edit("return 0\n", ""), Refusal.DID_NOT_APPLY, "block 1"),
        (edit("import math\n", "import os\n"), Refusal.OUTSIDE_EVOLVE_BLOCK, "block 1: it changes line 1 of main.py"),
        (edit("# EVOLVE-BLOCK-END\n", ""), Refusal.OUTSIDE_EVOLVE_BLOCK, "outside the EVOLVE-BLOCKs"),
        (edit("    return x + x\n", "    return x\n# EVOLVE-BLOCK-END\nx = 1\n# EVOLVE-BLOCK-START\n"),
         Refusal.OUTSIDE_EVOLVE_BLOCK, "hold an EVOLVE-BLOCK marker"),
        (edit("    return x + x\n", "    return x + x\n"), Refusal.NO_CHANGE, "as it was"),
        (f"```\n{SEED}```", Refusal.NO_CHANGE, "as it was"),
        (f"```\n{SEED.replace('area(2)', 'area(3)')}```", Refusal.OUTSIDE_EVOLVE_BLOCK,
         "nothing was changed within the EVOLVE-BLOCKs; the text outside of the EVOLVE-BLOCKs stayed as it was, and of the "
         "answer was ignored: `return area(3)`"),
        (f"```\nimport math\nx = 1\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n{PI}```".replace("EVOLVE-BLOCK-START\ndef", "def")
         .replace("# EVOLVE-BLOCK-END\n\ndef main", "def main"), Refusal.OUTSIDE_EVOLVE_BLOCK, "between their marker lines"),
        (f"```\n{PI.replace('# EVOLVE-BLOCK-END', '')}```", Refusal.DID_NOT_APPLY, "without an EVOLVE-BLOCK-END"),
        (f"```\n{PI}# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n```", Refusal.OUTSIDE_EVOLVE_BLOCK, "1 EVOLVE-BLOCKs, got 2"),
        (f"```\n{PI}", Refusal.DID_NOT_APPLY, "not closed: the answer was cut"),
        ("@@ -1 +1 @@\n x\n", Refusal.DID_NOT_APPLY, "hunk 1: expected lines that begin with - or +"),
        (GOOD * 201, Refusal.DID_NOT_APPLY, "expected at most 200 blocks, got 201"),
    ],
)  # fmt: skip
def test_every_refusal_says_which_part_and_why(answer: str, reason: Refusal, detail: str) -> None:
    result = refused(answer)
    assert (result.reason, detail in result.detail) == (reason, True), result


def test_one_failing_block_refuses_the_whole_answer_and_all_are_named() -> None:
    result = refused(edit("no\n", "a\n") + GOOD + edit("import math\n", ""))
    assert result.reason is Refusal.DID_NOT_APPLY
    assert [line[:8] for line in result.detail.split("\n") if line.startswith("block")] == ["block 1:", "block 3:"]


REPEATED = "x = 1\n# EVOLVE-BLOCK-START\nx = 1\ny = 2\nx = 1\n# EVOLVE-BLOCK-END\n"


def test_several_matches_are_refused_unless_something_tells_them_apart() -> None:
    result = refused(edit("x = 1\n", "x = 3\n"), {"main.py": REPEATED})
    assert "found 2 times (line 3 of main.py, line 5 of main.py); add lines around it" in result.detail
    assert applied(edit("x = 1\n", "x = 3\n"), **{"main.py": REPEATED.replace("2\nx = 1", "2\nx = 4")}).startswith(
        "x = 1\n# EVOLVE-BLOCK-START\nx = 3\n"
    )
    hunk = "@@ -5 +5 @@\n-x = 1\n+x = 3\n"
    assert applied(hunk, **{"main.py": REPEATED}) == REPEATED.replace("2\nx = 1", "2\nx = 3")
    assert "found 2 times" in refused(hunk.replace("5", "4"), {"main.py": REPEATED}).detail


TWO = {"main.py": SEED, "lib/rule.py": "# EVOLVE-BLOCK-START\nstep = 1\n# EVOLVE-BLOCK-END\nz = 1\n"}
STEP = edit("step = 1\n", "step = 2\n")


@pytest.mark.parametrize(
    "answer",
    [
        f"### lib/rule.py\n{STEP}### main.py\n{GOOD}",
        f"**`lib/rule.py`**\n```\n{STEP}```\n`main.py`:\n```\n{GOOD}```",
        f"File: lib/rule.py\n{STEP}\nmain.py\n{GOOD}",
        f"**File:** `lib/rule.py`\n{STEP}\n### **Filename: main.py**:\n{GOOD}",
        f"```python lib/rule.py\n{STEP}```\n```python:main.py\n{GOOD}```",
        f"{STEP}{GOOD}",
        "--- a/lib/rule.py\n+++ b/lib/rule.py\n@@ -2 +2 @@\n-step = 1\n+step = 2\n--- a/main.py\n+++ b/main.py\n@@ -6 +6 @@\n"
        "-        return 3 * radius ** 2\n+        return math.pi * radius ** 2\n",
        f"### rule.py\n```\nstep = 2\n```\n### main.py\n```\n{PI}```",
        f'<file path="lib/rule.py">\nstep = 2\n</file>\n<file path="main.py">\n{PI}</file>',
    ],
)
def test_several_files_are_told_apart(answer: str) -> None:
    assert changed(TWO, answer) == {"main.py": PI, "lib/rule.py": TWO["lib/rule.py"].replace("1\n# E", "2\n# E")}


@pytest.mark.parametrize("name", ["### {}", "**{}**", "`{}`:", "File: {}"])
def test_underscores_of_a_path_are_its_own(name: str) -> None:
    files = {"__init__.py": TWO["lib/rule.py"], "main.py": TWO["lib/rule.py"]}
    assert changed(files, f"{name.format('__init__.py')}\n{STEP}")["main.py"] == files["main.py"]


def test_a_marked_program_without_a_name_goes_to_the_file_that_it_fits() -> None:
    assert changed(TWO, f"```\n{PI}```") == {**TWO, "main.py": PI}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (f"### other/new.py\n{STEP}", "it names 'other/new.py'; the files that may change are main.py, lib/rule.py"),
        ("### new.py\n```\nstep = 2\n```", "names 'new.py'"),
        ("```\nstep = 2\n```", "names no file; expected a line `### path`"),
    ],
)
def test_a_file_that_may_not_change_is_named(answer: str, detail: str) -> None:
    assert detail in refused(answer, TWO).detail


def test_several_blocks_need_their_markers() -> None:
    two = SEED + "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n"
    assert "expected 2 EVOLVE-BLOCKs with their marker lines" in refused("```\nx = 1\n```", {"main.py": two}).detail
    assert applied(f"```\n{PI}# EVOLVE-BLOCK-START\nw = 1\n# EVOLVE-BLOCK-END\n```", **{"main.py": two}).endswith(
        "# EVOLVE-BLOCK-START\nw = 1\n# EVOLVE-BLOCK-END\n"
    )


@pytest.mark.parametrize("answer", ["step = 2", "step = 2\nz = 1", "step = 2\n\nz = 1\n"])
def test_a_bare_block_is_told_from_a_program_without_markers(answer: str) -> None:
    rule = TWO["lib/rule.py"]
    assert changed({"rule.py": rule}, f"```\n{answer}\n```") == {"rule.py": rule.replace("1\n# E", "2\n# E")}


words = st.text(st.sampled_from("ab(). =1"), min_size=1, max_size=8).map(lambda text: f"w{text}".rstrip())
bodies = st.lists(st.tuples(st.integers(0, 3), words), min_size=1, max_size=12)


def listing(body: list[tuple[int, str]], tag: str) -> list[str]:
    return [f"{'    ' * depth}{word} {tag}{index}" for index, (depth, word) in enumerate(body)]


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[str], list[str], list[tuple[int, int, list[str]]]]:
    """Old lines, new lines, and the disjoint ranges (first, end, new lines) that lead from one to the other."""
    old = listing(draw(bodies), "o")
    cuts = sorted(draw(st.lists(st.integers(0, len(old)), min_size=2, max_size=6, unique=True)))
    ranges = [
        (first, end, listing(draw(bodies.filter(bool)) if draw(st.booleans()) else [], f"n{first}_"))
        for first, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    new, position = [], 0
    for first, end, lines in ranges:
        new += old[position:first] + lines
        position = end
    return old, new + old[position:], ranges


def program(lines: list[str], newline: str = "\n") -> str:
    return newline.join(["head", "# EVOLVE-BLOCK-START", *lines, "# EVOLVE-BLOCK-END", "tail", ""])


def joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@given(changes(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "  ", "    ", "\t"]), st.sampled_from(["", " ", "\t"]))
def test_generated_edits_give_the_intended_text(
    change: tuple[list[str], list[str], list[tuple[int, int, list[str]]]], newline: str, shift: str, trailing: str
) -> None:
    old, new, ranges = change
    answer = "".join(
        edit(joined([shift + line + trailing for line in old[first:end]]), joined([shift + line for line in lines]))
        for first, end, lines in ranges
    )
    assert changed({"main.py": program(old, newline)}, answer) == {"main.py": program(new, newline)}


@given(changes(), st.sampled_from(["\n", "\r\n"]))
def test_generated_unified_diffs_and_whole_programs_give_the_intended_text(
    change: tuple[list[str], list[str], list[tuple[int, int, list[str]]]], newline: str
) -> None:
    old, new, _ = change
    diff = "\n".join(
        difflib.unified_diff(program(old).split("\n"), program(new).split("\n"), "a/main.py", "b/main.py", lineterm="")
    )
    for answer in (
        diff,
        f"```diff\n{diff}\n```",
        f"```\n{program(new)}```",
        f"```\n{joined(new)}\n```" if new else program(new),
    ):
        child = changed({"main.py": program(old, newline)}, answer)
        assert child["main.py"].replace(f"{newline}{newline}# EVOLVE", f"{newline}# EVOLVE") == program(new, newline)


fragments = st.sampled_from(
    ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "```", "```python", "~~~", "@@", "@@ -1,2 +1,2 @@", "--- a/x",
     "+++ b/main.py", "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END", "<answer>", "</answer>", "<think>", "</think>",
     "### main.py", "def area(radius):", "    return 0", "+x", "-    return 0", " x", "", "\r", "+", "-", "\\ No newline"]
)  # fmt: skip


@given(st.lists(st.one_of(fragments, st.text(max_size=20)), max_size=14).map("\n".join), st.booleans())
def test_junk_never_raises_and_never_leaves_the_blocks(answer: str, several: bool) -> None:
    files = TWO if several else {"main.py": SEED}
    child = apply_answer(files, answer)
    if isinstance(child, NotApplied):
        assert child.detail
        assert len(child.detail) <= 2000
    else:
        assert check_only_blocks_changed(files, child.files) is None
        assert child.files != files


@pytest.mark.parametrize(
    "answer",
    ["<answer>" * 30_000, "<think>" * 30_000, "`" * 200_000, "*_`" * 70_000, "# " * 100_000,
     edit("x" * 200_000 + "\n", "y\n") * 3, edit("    return 9\n", "y\n") * 200,
     "@@ -" + "1" * 40_000, "```" + " " * 40_000 + "`", "~" * 40_000 + "`",
     ("_" * 298 + " x\n") * 1000, ("*_`" * 99 + ":x\n") * 1000, ("a." * 140 + "/\n") * 1000,
     "<<<<<<< SEARCH\n" * 15_000, "+++ " * 50_000, "@@\n" * 60_000, "```\n" * 60_001],
    ids=lambda answer: answer[:16],
)  # fmt: skip
def test_hostile_answers_are_read_in_bounded_time(answer: str) -> None:
    block = "".join(f"    value_{index} = {index} * radius\n" for index in range(1500))
    started = time.process_time()
    apply_answer({"main.py": SEED.replace("    return 0\n", block)}, answer)
    assert time.process_time() - started < 2
