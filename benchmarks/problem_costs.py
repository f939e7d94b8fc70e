"""What one evaluation of each built-in problem's seed costs in processor time: the figures of problems/listing.toml.

    python -m benchmarks.problem_costs [--evaluations 20] [PROBLEM ...]

Prints one line for each problem: milliseconds of processor time of both boxes per evaluation of the seed program, as in a
search, after one that warms them.
"""

import argparse
import asyncio
import secrets

from benchmarks.sandbox_cost import box_seconds
from evaluators.cascade import Candidate, judge
from evaluators.environments import Environments
from evaluators.sandbox import open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Problem
from galapagos.problem_folder import built_in_problems, read_problem_folder
from galapagos.settings import command_settings


async def milliseconds(problem: Problem, evaluations: int) -> float:
    """Processor time of one evaluation, mean over `evaluations`."""
    packages = await Environments(command_settings(None).cache).prepare(problem.definition.environment)
    sandbox = open_sandbox(Tier.NAMESPACES, problem, packages)
    await sandbox.start()
    try:
        candidate = Candidate(problem.seed_files, Purpose.SEARCH, secrets.token_bytes(32))
        await judge(sandbox, problem, candidate)
        before = sum(box_seconds(None).values())
        for _ in range(evaluations):
            await judge(sandbox, problem, candidate)
        return 1000 * (sum(box_seconds(None).values()) - before) / evaluations
    finally:
        await sandbox.close()


def main() -> None:
    """Measure the problems that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="*")
    parser.add_argument("--evaluations", type=int, default=20)
    arguments = parser.parse_args()
    for folder in built_in_problems():
        if not arguments.problems or folder.name in arguments.problems:
            problem = read_problem_folder(folder)
            print(folder.name, round(asyncio.run(milliseconds(problem, arguments.evaluations)), 1), flush=True)


if __name__ == "__main__":
    main()
