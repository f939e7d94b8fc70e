"""What one trivial evaluation costs in processor time, by process, beside two yardsticks measured in the same rounds.

    python -m benchmarks.sandbox_cost [--evaluations 400] [--rounds 5]

Prints one JSON object: milliseconds of processor time per candidate (medians over rounds) of the candidates' box, the
judges' box and the launcher, of a bare zygote's fork, and of a fresh interpreter that imports numpy.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
from pathlib import Path

from benchmarks import baselines
from benchmarks.process_tree import TICKS, descendants
from evaluators.sandbox import Cause, Job, Packages, Sandbox, open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Problem, problem_from_files

FRESH = 10


def box_seconds(root: int) -> dict[str, float]:
    """Processor seconds of each box below `root`, its dead forks included."""
    found = {"candidate_box": 0.0, "judge_box": 0.0}
    for pid in descendants(root):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(word.endswith(b"bwrap") for word in command[:1]):
            kind = "judge_box" if b"/problem" in command else "candidate_box"
            for member in descendants(pid):
                fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
                found[kind] += sum(int(value) for value in fields[11:15]) / TICKS
    return found


def own_seconds(who: int) -> float:
    """Processor seconds of this process, or of its children that were waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


async def evaluate(sandbox: Sandbox, problem: Problem, count: int) -> dict[str, float]:
    """Milliseconds of processor time per candidate by process."""
    rng = random.Random(count)
    source = baselines.SEED
    boxes, own = box_seconds(os.getpid()), own_seconds(resource.RUSAGE_SELF)
    for _ in range(count):
        source = baselines.mutant(source, rng)
        stage = problem.definition.stages[0]
        result = await sandbox.run(
            Job(
                files={"twenty.py": source},
                entry=stage.entry,
                purpose=Purpose.SEARCH,
                stage=stage.name,
                repeat=0,
                seed=bytes(32),
                timeout_s=stage.timeout_s,
                limits=problem.definition.limits,
            )
        )
        if result.cause is not Cause.OK:
            raise SystemExit(f"expected a score; got {result.cause}: {result.message}")
    own = own_seconds(resource.RUSAGE_SELF) - own
    spent = {kind: seconds - boxes[kind] for kind, seconds in box_seconds(os.getpid()).items()}
    spent |= {"launcher": own, "all": own + sum(spent.values())}
    return {kind: 1000 * seconds / count for kind, seconds in spent.items()}


def yardsticks(count: int) -> dict[str, float]:
    """Milliseconds of processor time per candidate without any isolation."""
    before = own_seconds(resource.RUSAGE_CHILDREN)
    baselines.zygote_fork(count)
    middle = own_seconds(resource.RUSAGE_CHILDREN)
    baselines.fresh_interpreter(FRESH)
    after = own_seconds(resource.RUSAGE_CHILDREN)
    return {"zygote_fork": 1000 * (middle - before) / count, "fresh_interpreter": 1000 * (after - middle) / FRESH}


async def measure(count: int, rounds: int) -> list[dict[str, float]]:
    """One table of costs per round, the kinds interleaved so that a busy machine is busy for all of them."""
    files = {path.name: path.read_bytes() for path in baselines.FOLDER.iterdir() if path.is_file()}
    problem = problem_from_files(files)
    sandbox = open_sandbox(Tier.NAMESPACES, problem, Packages())
    await sandbox.start()
    try:
        await evaluate(sandbox, problem, 20)
        return [await evaluate(sandbox, problem, count) | yardsticks(count) for _ in range(rounds)]
    finally:
        await sandbox.close()


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    rounds = asyncio.run(measure(chosen.evaluations, chosen.rounds))
    medians = {kind: round(statistics.median(table[kind] for table in rounds), 3) for kind in rounds[0]}
    print(json.dumps({"cpu_ms_per_candidate": medians, "to_zygote_fork": round(medians["all"] / medians["zygote_fork"], 2)}))


if __name__ == "__main__":
    main()
