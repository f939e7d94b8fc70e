"""How far the clock can be trusted: a kernel against itself, and naive against reordered, on a calm and on a busy machine.

    python -m benchmarks.clock [--evaluations 12] [--load 4]

Prints one JSON object. Each evaluation is a comparison of a matrix product in C (96 x 128 x 160) with the naive one;
`load` processes keep the processors busy in the second half. Of the ratios: their median, the distance of their
quartiles over it, and the largest distance from it. `control` is the same for the reference against itself in one run.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from evaluators.sandbox import Cause, Packages, Sandbox, open_sandbox
from evolution.evaluation import Tier
from tests.sandbox.kernel_problem import c_problem, kernel_job, kernels

_BUSY = "while True: sum(range(100000))"


def table(values: Sequence[float]) -> dict[str, float]:
    """Median, distance of the quartiles over it, largest distance from it over it."""
    middle = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    farthest = max(abs(value - middle) for value in values)
    numbers = {"median": middle, "quartiles": (high - low) / middle, "farthest": farthest / middle}
    return {name: round(number, 4) for name, number in numbers.items()}


async def ratios(sandbox: Sandbox, text: str, count: int) -> dict[str, dict[str, float]]:
    """What `count` evaluations of one kernel gave."""
    found: list[dict[str, float]] = []
    started = time.monotonic()
    failed = 0
    while len(found) < count:
        result = await sandbox.run(kernel_job("kernel.c", text, "evaluate"))
        if result.value is not None:
            found.append({"ratio": result.value.score, **result.value.metrics})
        elif result.cause is Cause.JUDGE_ERROR and "equally long" in result.message and failed < count:
            failed += 1
        else:
            raise SystemExit(f"expected a comparison; got {result.cause}: {result.message}")
    answer = {name: table([one[name] for one in found]) for name in ("ratio", "control", "spread", "runs")}
    answer["seconds"] = {"per_evaluation": round((time.monotonic() - started) / (count + failed), 3), "given_up": failed}
    return answer


async def measure(count: int, load: int) -> dict[str, object]:
    """All kernels, calm and under load."""
    texts = kernels("honest", ".c")
    sandbox = open_sandbox(Tier.NAMESPACES, c_problem(texts["naive"]), Packages())
    await sandbox.start()
    answer: dict[str, object] = {}
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for state in ("calm", f"load_{load}"):
            answer[state] = {name: await ratios(sandbox, text, count) for name, text in texts.items()}
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
