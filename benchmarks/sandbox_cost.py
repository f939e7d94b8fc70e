"""What one trivial evaluation costs in processor time, by process, beside two yardsticks measured in the same rounds.

    python -m benchmarks.sandbox_cost [--evaluations 400] [--rounds 5] [--tier namespaces]

Prints one JSON object: milliseconds of processor time per candidate (medians over rounds) of the candidates' box, the
judges' box and the launcher, of a bare zygote's fork, and of a fresh interpreter that imports numpy; the wall time of an
evaluation and of such an interpreter; and how many evaluations one interpreter's start is worth. Tier container needs Docker
with the boxes' image.
"""

import argparse
import asyncio
import json
import os
import random
import re
import resource
import statistics
import time
from pathlib import Path

from benchmarks import baselines
from benchmarks.process_tree import TICKS, descendants
from evaluators.sandbox import Cause, Job, Packages, Sandbox, open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Problem, problem_from_files
from galapagos.slots import slot_service

FRESH = 10


def box_seconds(slots: Path | None) -> dict[str, float]:
    """Processor seconds of each box of this process, its dead forks included; `slots` is the folder of containers' slots."""
    found = {"candidate_box": 0.0, "judge_box": 0.0}
    if slots is not None:
        for pid, kind in contained(slots):
            found[kind] += seconds_of(pid)
        return found
    for pid in descendants(os.getpid()):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(word.endswith(b"bwrap") for word in command[:1]):
            kind = "judge_box" if b"/problem" in command else "candidate_box"
            found[kind] += sum(map(seconds_of, descendants(pid)))
    return found


def contained(slots: Path) -> list[tuple[int, str]]:
    """Every process in a container of a slot in this folder, and its kind of box."""
    found: list[tuple[int, str]] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                mounts = (entry / "mountinfo").read_text()
            except OSError:
                continue
            role = re.search(rf" (?:/\S*)?{re.escape(slots.name)}/slot-\w+/(\w+) /galapagos/slot ", mounts)
            if role is not None:
                found.append((int(entry.name), f"{role[1]}_box"))
    return found


def seconds_of(pid: int) -> float:
    """Processor seconds of a process and of its children that were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(value) for value in fields[11:15]) / TICKS


def own_seconds(who: int) -> float:
    """Processor seconds of this process, or of its children that were waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


async def evaluate(sandbox: Sandbox, problem: Problem, count: int, slots: Path | None) -> dict[str, float]:
    """Milliseconds of processor time per candidate by process, and of wall time."""
    rng = random.Random(count)
    source = baselines.SEED
    boxes, started, own = box_seconds(slots), time.perf_counter(), own_seconds(resource.RUSAGE_SELF)
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
    own, wall = own_seconds(resource.RUSAGE_SELF) - own, time.perf_counter() - started
    spent = {kind: seconds - boxes[kind] for kind, seconds in box_seconds(slots).items()}
    spent |= {"launcher": own, "all": own + sum(spent.values()), "wall": wall}
    return {kind: 1000 * seconds / count for kind, seconds in spent.items()}


def yardsticks(count: int) -> dict[str, float]:
    """Milliseconds of processor time per candidate without any isolation."""
    before = own_seconds(resource.RUSAGE_CHILDREN)
    baselines.zygote_fork(count)
    middle, started = own_seconds(resource.RUSAGE_CHILDREN), time.perf_counter()
    baselines.fresh_interpreter(FRESH)
    after, wall = own_seconds(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    return {
        "zygote_fork": 1000 * (middle - before) / count,
        "fresh_interpreter": 1000 * (after - middle) / FRESH,
        # As many at a time as the baseline has workers.
        "fresh_interpreter_wall": 1000 * wall * baselines.WORKERS / FRESH,
    }


async def measure(count: int, rounds: int, tier: Tier) -> list[dict[str, float]]:
    """One table of costs per round, the kinds interleaved so that a busy machine is busy for all of them."""
    files = {path.name: path.read_bytes() for path in baselines.FOLDER.iterdir() if path.is_file()}
    problem = problem_from_files(files)
    async with slot_service(tier) as slots:
        sandbox = open_sandbox(tier, problem, Packages(), slots)
        await sandbox.start()
        try:
            await evaluate(sandbox, problem, 20, slots)
            return [await evaluate(sandbox, problem, count, slots) | yardsticks(count) for _ in range(rounds)]
        finally:
            await sandbox.close()


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tier", type=Tier, default=Tier.NAMESPACES, choices=[Tier.NAMESPACES, Tier.CONTAINER])
    chosen = parser.parse_args()
    rounds = asyncio.run(measure(chosen.evaluations, chosen.rounds, chosen.tier))
    medians = {kind: round(statistics.median(table[kind] for table in rounds), 3) for kind in rounds[0]}
    both = medians["candidate_box"] + medians["judge_box"]
    parts = {"candidate alone": medians["candidate_box"], "with the judge": both, "with the launcher": medians["all"]}
    worth = {name: round(medians["fresh_interpreter"] / cost, 1) for name, cost in parts.items()}
    worth["wall"] = round(medians["fresh_interpreter_wall"] / medians["wall"], 1)
    told = {
        "tier": chosen.tier,
        "ms_per_candidate": medians,
        "to_zygote_fork": round(medians["all"] / medians["zygote_fork"], 2),
    }
    print(json.dumps(told | {"per_fresh_interpreter": worth}))


if __name__ == "__main__":
    main()
