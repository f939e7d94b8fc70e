"""What short runs without a model reach, beside the best of as many independent children, and beside a plain multistart.

    python -m benchmarks.results [--problems circle_packing_26 ...] [--evaluations 1500] [--seed 1]

For each problem: `galapagos run` three times (with islands, and with `iid_best_of_n` without and with tuning) at equal
evaluations, with the same seed and in an order that timing does not change; then `benchmarks.multistart`, with as many
evaluations and with ten times as many. The champions are scored once more by the judge in this process. Writes
`problems/results/baselines.json` after each problem, and the table of `problems/results/README.md` from it; problems that
are not named keep their rows, and so does what was measured with the same evaluations and seed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.multistart import SPACES, multistart
from benchmarks.search import Judge
from evolution.problem import Direction, Problem
from galapagos.library import RESULTS
from galapagos.problem_folder import find_problem_folder, read_problem_folder

TABLE = RESULTS / "baselines.json"
PAGE = RESULTS / "README.md"
_BEGIN, _END = "<!-- table: python -m benchmarks.results -->", "<!-- end of the table -->"
TIMES = (1, 10)
"""Evaluations of the multistart, as multiples of a run's: an answer costs less than a program that has to make one."""
EVOLVED, BEST_OF_N, TUNED_BEST_OF_N = "evolved", "best of N", "best of N, tuned"
ARMS = {
    EVOLVED: [],
    BEST_OF_N: ["--strategy", "iid_best_of_n", "--no-tune"],
    TUNED_BEST_OF_N: ["--strategy", "iid_best_of_n"],
}
"""What is said to `galapagos run` beside what all have in common."""


def command(problem: str, arm: str, evaluations: int, seed: int) -> list[str]:
    """The words of the run of one arm."""
    words = ["galapagos", "run", problem, "--evaluations", str(evaluations), "--seed", str(seed), "--order", "fixed-lag"]
    return [*words, *ARMS[arm]]


def ran(problem: str, arm: str, evaluations: int, seed: int, data: Path) -> dict[str, Any]:
    """A run: its champion's program and verified score, and how often each operator stands in the champion's line."""
    started = time.monotonic()
    words = [sys.executable, "-m", *command(problem, arm, evaluations, seed), "--data", str(data), "--json"]
    ended = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    rows = data / "rows.jsonl"
    export = [sys.executable, "-m", "galapagos", "export", str(ended["run"]), "--data", str(data), "--output", str(rows)]
    subprocess.run(export, check=True, capture_output=True)
    files = {name: (Path(ended["best"]) / name).read_text() for name in ended["files"]}
    return {
        "score": ended["verified_score"],
        "program": files,
        "operators": line_of(files, [json.loads(line) for line in rows.read_text().splitlines()]),
        "seconds": round(time.monotonic() - started, 1),
    }


def line_of(files: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many programs of the line from the seed to this one each operator made."""
    by_number = {row["number"]: row for row in rows}
    row = next(row for row in rows if row["files"] == files)
    made: Counter[str] = Counter()
    while row["parent"] is not None:
        made[row["operator"]] += 1
        row = by_number[row["parent"]]
    return dict(made)


def row_of(name: str, evaluations: int, seed: int, known: dict[str, Any]) -> dict[str, Any]:
    """Everything about one problem; what is `known` of the same evaluations and seed is not measured again."""
    folder = find_problem_folder(name)
    problem = read_problem_folder(folder)
    judge = Judge(problem, folder)
    what = {"evaluations": evaluations, "seed": seed, "direction": problem.definition.score.direction.value}
    row = known if known.items() >= what.items() else {**what, "arms": {}}
    for arm in [arm for arm in ARMS if arm not in row["arms"]]:
        with tempfile.TemporaryDirectory() as data:
            row["arms"][arm] = ran(name, arm, evaluations, seed, Path(data))
        again = judge(row["arms"][arm]["program"])
        assert again is not None
        assert again[0] == row["arms"][arm]["score"], f"{name}: {again[0]} is not {row['arms'][arm]['score']}"
    sign = problem.definition.score.sign
    if "multistart" not in row:
        row["multistart"] = {
            str(times): sign * multistart(SPACES[name], lambda answer: _score(judge, sign, answer), times * evaluations, seed)
            for times in TIMES
        }
    return row


def _score(judge: Judge, sign: float, answer: list[Any]) -> float | None:
    found = judge.of_answer(answer)
    return None if found is None else sign * found


def better(row: dict[str, Any], baseline: float) -> bool:
    """Whether the evolved score of a row is better than a baseline."""
    mine = row["arms"][EVOLVED]["score"]
    return mine > baseline if row["direction"] == Direction.MAXIMIZE else mine < baseline


def baselines_of(row: dict[str, Any]) -> dict[str, float]:
    """The baselines of a row, by name."""
    plain = {"multistart": row["multistart"][str(TIMES[0])], "multistart, 10 N": row["multistart"][str(TIMES[1])]}
    return {arm: row["arms"][arm]["score"] for arm in (BEST_OF_N, TUNED_BEST_OF_N)} | plain


def table_of(rows: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| problem | evolved | best of N | best of N, tuned | multistart | multistart, 10 N | beats | best known | steps |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items()):
        baselines = baselines_of(row)
        lost = [told for told, value in baselines.items() if not better(row, value)]
        arrow = "\N{UPWARDS ARROW}" if row["direction"] == Direction.MAXIMIZE else "\N{DOWNWARDS ARROW}"
        best = next(known.value for known in _problem(name).definition.known if known.name.endswith("best known"))
        values = " | ".join(f"{value:.7g}" for value in (row["arms"][EVOLVED]["score"], *baselines.values()))
        verdict = "all" if not lost else f"all but {' and '.join(lost)}"
        steps = ", ".join(f"{count} {operator}" for operator, count in sorted(row["arms"][EVOLVED]["operators"].items()))
        lines.append(f"| `{name}` {arrow} | {values} | {verdict} | {best:.10g} | {steps} |")
    return "\n".join(lines)


def _problem(name: str) -> Problem:
    return read_problem_folder(find_problem_folder(name))


def page_with(page: str, rows: dict[str, Any]) -> str:
    """The page with its table made anew."""
    head, _, rest = page.partition(_BEGIN)
    return f"{head}{_BEGIN}\n{table_of(rows)}\n{_END}{rest.partition(_END)[2]}"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", nargs="*", default=sorted(SPACES))
    parser.add_argument("--evaluations", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only-write", action="store_true", help="measure nothing, write the table anew")
    chosen = parser.parse_args()
    rows: dict[str, Any] = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for name in [] if chosen.only_write else chosen.problems:
        rows[name] = row_of(name, chosen.evaluations, chosen.seed, rows.get(name, {}))
        TABLE.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
        print(name, {arm: told["score"] for arm, told in rows[name]["arms"].items()}, rows[name]["multistart"])
    PAGE.write_text(page_with(PAGE.read_text(), rows))


if __name__ == "__main__":
    main()
