"""Score the reference rules of problems/optimizer_rule as champions are scored: fresh seeds, sealed rows, held-out tasks.

    python -m benchmarks.optimizer_table [--secrets 3] [--tier namespaces] [file.py ...]

Prints one row for each rule: mean and spread over secrets of the score, the score of each task, and the held-out score. Files
named on the command line (whole programs, or only LR, init and update) are scored in place of the references.
"""

import argparse
import asyncio
import hashlib
from pathlib import Path

import numpy as np

from evaluators.cascade import Candidate, judge
from evaluators.sandbox import Packages, open_sandbox
from evolution.evaluation import Outcome, Purpose, Tier, Verdict
from evolution.problem import Problem
from galapagos.problem_folder import read_problem_folder

FOLDER = Path(__file__).parents[1] / "problems" / "optimizer_rule"
START, END = "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END"
REFERENCES = FOLDER / "references"


def whole_program(frame: str, rule: str) -> str:
    """The seed's file with `rule` between its markers; a rule that has the markers already is returned as it is."""
    if START in rule:
        return rule
    head, rest = frame.split(START)
    return f"{head}{START}\n{rule}\n{END}{rest.split(END)[1]}"


async def champions(rules: dict[str, str], secrets: int, tier: Tier) -> dict[str, list[Outcome]]:
    """Judge every rule with every secret, as champions are verified."""
    problem: Problem = read_problem_folder(FOLDER)
    frame = problem.seed_files["rule.py"]
    keys = [hashlib.sha256(str(number).encode()).digest() for number in range(secrets)]
    sandbox = open_sandbox(tier, problem, Packages())
    await sandbox.start()
    outcomes: dict[str, list[Outcome]] = {}
    try:
        for name, rule in rules.items():
            files = {"rule.py": whole_program(frame, rule)}
            outcomes[name] = [(await judge(sandbox, problem, Candidate(files, Purpose.VERIFY, key))).outcome for key in keys]
    finally:
        await sandbox.close()
    return outcomes


def row(name: str, outcomes: list[Outcome]) -> str:
    """One line of the table; a rule that is refused shows its verdict."""
    if any(outcome.verdict is not Verdict.SCORED for outcome in outcomes):
        return f"| {name} | {', '.join(outcome.verdict.value for outcome in outcomes)} |"
    stages = [{stage.stage: stage for stage in outcome.stages} for outcome in outcomes]
    suite = np.array([found["suite"].samples for found in stages])
    tasks = [np.mean([found["suite"].metrics[task] for found in stages]) for task in ("quad", "logreg", "mlp", "ae")]
    held_out = np.array([found["held_out"].samples for found in stages])
    cost = np.mean([found["screen"].metrics["cost"] for found in stages])
    cells = [f"{suite.mean():+.2f} ± {suite.std():.2f}", f"{2 ** suite.mean():.2f}", *(f"{task:+.2f}" for task in tasks)]
    return f"| {name} | {' | '.join([*cells, f'{held_out.mean():+.2f} ± {held_out.std():.2f}', f'{cost:.1f}'])} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Score update rules as champions are scored.")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--secrets", type=int, default=3)
    parser.add_argument("--tier", type=Tier, default=Tier.NAMESPACES, choices=list(Tier))
    arguments = parser.parse_args()
    paths: list[Path] = arguments.files or sorted(REFERENCES.glob("*.py"))
    outcomes = asyncio.run(champions({path.stem: path.read_text() for path in paths}, arguments.secrets, arguments.tier))
    print("| rule | score | times AdamW | quad | logreg | mlp | ae | held-out | CPU of AdamW |\n" + "|---" * 9 + "|")
    for name, found in sorted(outcomes.items(), key=lambda item: -sum(outcome.score or -9.0 for outcome in item[1])):
        print(row(name, found))


if __name__ == "__main__":
    main()
