"""How far the clock can be trusted: honest kernels against a naive one, itself among them, and what cheats get for it.

    python -m benchmarks.clock [--evaluations 12] [--load 4]

Prints one JSON object. Each evaluation is a comparison of a matrix product in C (96 x 128 x 160) with the naive one;
once with nothing beside it and once beside `load` processes that keep the processors busy. Of the ratios: their median, the
distance of their quartiles over it, and the largest distance from it. `control` is the same for the reference against itself
in one run. `given_up` counts comparisons without a verdict, which were repeated. Of the cheats: how often which verdict.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

from evaluators.sandbox import Cause, JobResult, Packages, Sandbox, open_sandbox
from evolution.evaluation import Tier
from tests.sandbox.kernel_problem import c_problem, kernel_job, kernels

CHEATS = ("first_result", "nothing_after_warm_up", "detached_thread", "truncated", "dropped_terms", "tampers")
_BUSY = "while True: sum(range(100000))"


def table(values: Sequence[float]) -> dict[str, float]:
    """Median, distance of the quartiles over it, largest distance from it over it."""
    middle = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    farthest = max(abs(value - middle) for value in values)
    numbers = {"median": middle, "quartiles": (high - low) / middle, "farthest": farthest / middle}
    return {name: round(number, 4) for name, number in numbers.items()}


async def compared(sandbox: Sandbox, text: str) -> tuple[JobResult, int]:
    """One evaluation of a kernel that came to a verdict, and how many before it did not."""
    for given_up in range(20):
        result = await sandbox.run(kernel_job("kernel.c", text, "evaluate"))
        if result.cause is not Cause.JUDGE_ERROR or "equally long" not in result.message:
            return result, given_up
    raise SystemExit("expected one comparison in twenty to come to a verdict; use a quieter machine")


async def ratios(sandbox: Sandbox, text: str, count: int) -> dict[str, dict[str, float]]:
    """What `count` evaluations of one honest kernel gave."""
    found: list[dict[str, float]] = []
    started = time.monotonic()
    failed = 0
    for _ in range(count):
        result, given_up = await compared(sandbox, text)
        if result.value is None:
            raise SystemExit(f"expected a comparison; got {result.cause}: {result.message}")
        found.append({"ratio": result.value.score, **result.value.metrics})
        failed += given_up
    answer = {name: table([one[name] for one in found]) for name in ("ratio", "control", "spread", "runs")}
    answer["seconds"] = {"per_evaluation": round((time.monotonic() - started) / (count + failed), 3), "given_up": failed}
    return answer


async def verdicts(sandbox: Sandbox, text: str, count: int) -> dict[str, int]:
    """How often one kernel got which verdict."""
    results = [(await compared(sandbox, text))[0] for _ in range(count)]
    return dict(Counter(result.cause.value for result in results))


async def measure(count: int, load: int) -> dict[str, object]:
    """All kernels, calm and under load."""
    honest, cheats = kernels("honest", ".c"), kernels("cheats", ".c")
    sandbox = open_sandbox(Tier.NAMESPACES, c_problem(honest["naive"]), Packages())
    await sandbox.start()
    answer: dict[str, object] = {}
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for state in ("calm", f"load_{load}"):
            before = os.getloadavg()[0]
            answer[state] = {
                "load_average_before": round(before, 1),
                "honest": {name: await ratios(sandbox, text, count) for name, text in honest.items()},
                "cheats": {name: await verdicts(sandbox, cheats[name], count) for name in CHEATS},
            }
            if not busy:
                busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(load)]  # noqa: ASYNC220 - for one exec
    finally:
        for process in busy:
            process.kill()
            process.wait()
        await sandbox.close()
    return answer


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=12)
    parser.add_argument("--load", type=int, default=4)
    chosen = parser.parse_args()
    print(json.dumps(asyncio.run(measure(chosen.evaluations, chosen.load)), indent=1))


if __name__ == "__main__":
    main()
