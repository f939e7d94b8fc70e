"""What a call and an array cost between judge and candidate, beside two yardsticks measured in the same rounds.

    python -m benchmarks.wire [--rounds 5] [--tier namespaces]

Prints one JSON object, medians over rounds: microseconds of a call that does nothing (with the processor time of both
sides together, which a busy machine changes less) and of a bare round trip of 64 bytes over a pair of sockets between two
processes; GB/s of an array of 8 MB of float64 in each direction (in the steady state, and the first one of an evaluation),
of one of 128 KiB, and of a copy of 8 MB within one process. The bars are 40 microseconds a call and 1 GB/s.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import time
from collections.abc import Callable

import numpy as np

from evaluators.sandbox import Cause, Job, Packages, Sandbox, open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Problem, problem_from_files

CALLS = 2000
ARRAYS = 25
ROUND_TRIP = 64
NUMBERS = 1_000_000
SMALL = 1 << 14
_JUDGE = f"""
import statistics, time
import numpy as np

def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

def evaluate(candidate, context):
    spent = time.process_time() + candidate.call("spent")
    calls = [seconds(lambda: candidate.call("nothing")) for _ in range({CALLS})]
    spent = time.process_time() + candidate.call("spent") - spent
    metrics = {{"call_us": 1e6 * statistics.median(calls), "call_cpu_us": 1e6 * spent / {CALLS}}}
    for size, name in (({SMALL}, "small"), ({NUMBERS}, "large")):
        x = context.rng.random(size)
        candidate.call("make", size)
        for direction, work in (
            ("to_candidate", lambda: candidate.call("take", x)), ("from_candidate", lambda: candidate.call("give"))
        ):
            spent = [seconds(work) for _ in range({ARRAYS})]
            metrics[f"{{name}}_{{direction}}"] = x.nbytes / statistics.median(spent) / 1e9
            metrics[f"{{name}}_{{direction}}_first"] = x.nbytes / spent[0] / 1e9
    return {{"score": 1, "metrics": metrics}}
"""
_CANDIDATE = """
import time
import numpy as np
kept = None
spent = time.process_time
def nothing():
    return None
def make(size):
    global kept
    kept = np.random.default_rng(1).random(size)
def take(x):
    return None
def give():
    return kept
"""
_PROBLEM = {
    "problem.toml": b'name = "wire"\ntitle = "Wire"\nstatement = "None."\nseed = ["program.py"]\n',
    "program.py": b"# EVOLVE-BLOCK-START\ndef nothing():\n    return None\n# EVOLVE-BLOCK-END\n",
    "judge.py": _JUDGE.encode(),
}


async def through_the_sandbox(sandbox: Sandbox, problem: Problem) -> dict[str, float]:
    """The judge's own measurements, from within its box."""
    result = await sandbox.run(
        Job(
            files={"program.py": _CANDIDATE},
            entry="evaluate",
            purpose=Purpose.SEARCH,
            stage="score",
            repeat=0,
            seed=bytes(32),
            timeout_s=120,
            limits=problem.definition.limits,
        )
    )
    if result.value is None or result.cause is not Cause.OK:
        raise SystemExit(f"expected a score; got {result.cause}: {result.message}")
    return result.value.metrics


def _median_s(work: Callable[[], object], count: int) -> float:
    spent: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def round_trip_us() -> float:
    """A message of 64 bytes to another process and back, in C's own calls as near as Python comes."""
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        here.close()
        while data := there.recv(ROUND_TRIP):
            there.send(data)
        os._exit(0)
    there.close()

    def one() -> None:
        here.send(bytes(ROUND_TRIP))
        here.recv(ROUND_TRIP)

    try:
        return 1e6 * _median_s(one, CALLS)
    finally:
        here.close()
        os.waitpid(child, 0)


def copy_gb_s() -> float:
    """A copy of the large array within this process, into memory that it has already."""
    source = np.random.default_rng(1).random(NUMBERS)
    target = np.empty_like(source)
    return source.nbytes / _median_s(lambda: np.copyto(target, source), ARRAYS) / 1e9


async def measure(rounds: int, tier: Tier) -> list[dict[str, float]]:
    """One table a round, so that a busy machine is busy for all of them."""
    problem = problem_from_files(_PROBLEM)
    sandbox = open_sandbox(tier, problem, Packages())
    await sandbox.start()
    try:
        await through_the_sandbox(sandbox, problem)
        return [
            await through_the_sandbox(sandbox, problem) | {"round_trip_us": round_trip_us(), "copy": copy_gb_s()}
            for _ in range(rounds)
        ]
    finally:
        await sandbox.close()


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tier", type=Tier, default=Tier.NAMESPACES)
    chosen = parser.parse_args()
    rounds = asyncio.run(measure(chosen.rounds, chosen.tier))
    medians = {kind: round(statistics.median(table[kind] for table in rounds), 2) for kind in rounds[0]}
    us = {kind: medians.pop(kind) for kind in ("call_us", "call_cpu_us", "round_trip_us")}
    print(json.dumps({"microseconds": us, "gb_per_s": medians, "to_round_trip": round(us["call_us"] / us["round_trip_us"], 2)}))


if __name__ == "__main__":
    main()
