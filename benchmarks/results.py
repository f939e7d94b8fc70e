"""What short runs without a model reach, beside the best of as many independent children, and beside a plain multistart.

    python -m benchmarks.results [--problems circle_packing_26 ...] [--evaluations 1500] [--seed 1]

For each problem: `galapagos run` twice, with islands and with `iid_best_of_n`, at equal evaluations, the same seed and an order
that timing does not change; then `benchmarks.multistart`, with as many evaluations and with ten times as many. The champions
are scored once more by the judge in this process. Writes `problems/results/baselines.json` after each problem, and the table of
`problems/results/README.md` from it; problems that are not named keep their rows.
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
ISLANDS, BEST_OF_N = "islands", "iid_best_of_n"


def command(problem: str, strategy: str, evaluations: int, seed: int) -> list[str]:
    """The words of the run that reproduces a row."""
    words = ["galapagos", "run", problem, "--evaluations", str(evaluations), "--seed", str(seed), "--order", "fixed-lag"]
    return words if strategy == ISLANDS else [*words, "--strategy", strategy]


def ran(problem: str, strategy: str, evaluations: int, seed: int, data: Path) -> dict[str, Any]:
    """A run: its champion's program and verified score, and how often each operator stands in the champion's line."""
    started = time.monotonic()
    words = [sys.executable, "-m", *command(problem, strategy, evaluations, seed), "--data", str(data), "--json"]
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


def row_of(name: str, evaluations: int, seed: int) -> dict[str, Any]:
    """Everything about one problem."""
    folder = find_problem_folder(name)
    problem = read_problem_folder(folder)
    judge = Judge(problem, folder)
    arms: dict[str, Any] = {}
    for strategy in (ISLANDS, BEST_OF_N):
        with tempfile.TemporaryDirectory() as data:
            arms[strategy] = ran(name, strategy, evaluations, seed, Path(data))
        again = judge(arms[strategy]["program"])
        assert again is not None
        assert again[0] == arms[strategy]["score"], f"{name}: {again[0]} is not {arms[strategy]['score']}"
    sign = problem.definition.score.sign
    plain = {
        str(times): sign * multistart(SPACES[name], lambda answer: _score(judge, sign, answer), times * evaluations, seed)
        for times in TIMES
    }
    return {
        "evaluations": evaluations,
        "seed": seed,
        "direction": problem.definition.score.direction.value,
        "arms": arms,
        "multistart": plain,
    }


def _score(judge: Judge, sign: float, answer: list[Any]) -> float | None:
    found = judge.of_answer(answer)
    return None if found is None else sign * found


def better(row: dict[str, Any], baseline: float) -> bool:
    """Whether the evolved score of a row is better than a baseline."""
    mine = row["arms"][ISLANDS]["score"]
    return mine > baseline if row["direction"] == Direction.MAXIMIZE else mine < baseline


def table_of(rows: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| problem | evolved | best of N | multistart | the same, 10 N | beats all | best known | steps to the champion |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items()):
        definition = _problem(name).definition
        arms = row["arms"]
        plain, longer = (row["multistart"][str(times)] for times in TIMES)
        baselines = {"best of N": arms[BEST_OF_N]["score"], "multistart": plain, "multistart of 10 N": longer}
        lost = [told for told, value in baselines.items() if not better(row, value)]
        arrow = "\N{UPWARDS ARROW}" if row["direction"] == Direction.MAXIMIZE else "\N{DOWNWARDS ARROW}"
        best = next(known.value for known in definition.known if known.name.endswith("best known"))
        steps = ", ".join(f"{count} {operator}" for operator, count in sorted(arms[ISLANDS]["operators"].items()))
        verdict = "yes" if not lost else f"no: {', '.join(lost)} is as good or better"
        lines.append(
            f"| `{name}` {arrow} | {arms[ISLANDS]['score']:.7g} | {arms[BEST_OF_N]['score']:.7g} | {plain:.7g} "
            f"| {longer:.7g} | {verdict} | {best:.10g} | {steps} |"
        )
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
    chosen = parser.parse_args()
    rows: dict[str, Any] = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for name in chosen.problems:
        rows[name] = row_of(name, chosen.evaluations, chosen.seed)
        TABLE.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
        print(name, {arm: told["score"] for arm, told in rows[name]["arms"].items()}, rows[name]["multistart"])
    PAGE.write_text(page_with(PAGE.read_text(), rows))


if __name__ == "__main__":
    main()
