"""What the programs in a kernel's folder score: the tables of problems/*/README.md.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.kernel_references [--evaluations 5] PROBLEM ...

Prints, for the seed and each file of `references`, the mean score of so many evaluations with its smallest and largest,
microseconds of a call at both timed shapes, the share of the roofline at the better one, and processor seconds of an
evaluation, both boxes and the compiler included; then the processor time of NumPy or the standard library for the same
work in this process.
"""

import argparse
import asyncio
import base64
import binascii
import os
import secrets
import time
from collections.abc import Callable
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.sandbox_cost import box_seconds
from evaluators.cascade import Candidate, judge
from evaluators.environments import Environments
from evaluators.sandbox import open_sandbox
from evolution.evaluation import Outcome, Purpose, Tier
from evolution.problem import Problem
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from galapagos.settings import command_settings

_ROUNDS = 60
Floats = Any


def softmax(x: Floats) -> Floats:
    """Every step in place but the first."""
    y = np.exp(x - x.max(axis=1, keepdims=True))
    y /= y.sum(axis=1, keepdims=True)
    return y


def layer_norm(x: Floats, r: Floats, gain: Floats, shift: Floats) -> Floats:
    """As the problem's statement says."""
    s = x + r
    z = (s - s.mean(axis=1, keepdims=True)) / np.sqrt(s.var(axis=1, keepdims=True) + np.float32(1e-5)) * gain + shift
    return s, z / (1 + np.exp(np.float32(-1.702) * z))


def convolution(x: Floats, w: Floats) -> Floats:
    """All places that a filter sees side by side, then one product of matrices."""
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    seen = np.stack([padded[:, u : u + height, v : v + width] for u in range(3) for v in range(3)], axis=1)
    return w.reshape(len(w), -1) @ seen.reshape(-1, height * width)


def stencil(x: Floats) -> Floats:
    """Ten steps with slices."""
    for _ in range(10):
        y = x.copy()
        y[1:-1, 1:-1] = np.float32(0.2) * (x[1:-1, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] + x[:-2, 1:-1] + x[2:, 1:-1])
        x = y
    return x


def gravity(bodies: Floats) -> Floats:
    """All pairs at once."""
    apart = bodies[None, :, :3] - bodies[:, None, :3]
    squares = (apart * apart).sum(axis=2) + np.float32(0.01)
    return ((bodies[:, 3] / (squares * np.sqrt(squares)))[:, :, None] * apart).sum(axis=1)


def sort_pairs(keys: Any, values: Any) -> Any:
    """Both arrays in the order of the keys."""
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


LIBRARIES: dict[str, tuple[str, Callable[..., Any], Callable[[np.random.Generator], list[list[Any]]]]] = {
    "matmul": (
        "BLAS (np.matmul)",
        np.matmul,
        lambda rng: [[_floats(rng, n, k), _floats(rng, k, m)] for n, k, m in ((96, 128, 160), (132, 78, 203))],
    ),
    "softmax": ("NumPy", softmax, lambda rng: [[_floats(rng, *shape)] for shape in ((64, 500), (16, 2000))]),
    "layer_norm": (
        "NumPy",
        layer_norm,
        lambda rng: [
            [_floats(rng, *shape), _floats(rng, *shape), _floats(rng, shape[1]), _floats(rng, shape[1])]
            for shape in ((48, 515), (20, 1200))
        ],
    ),
    "convolution_3x3": (
        "NumPy, one product of matrices",
        convolution,
        lambda rng: [
            [_floats(rng, inputs, *size), _floats(rng, outputs, inputs, 3, 3)]
            for inputs, outputs, size in ((4, 8, (32, 40)), (6, 6, (37, 31)))
        ],
    ),
    "stencil_5": ("NumPy, slices", stencil, lambda rng: [[_floats(rng, 96, 128)], [_floats(rng, 61, 203)]]),
    "n_body": ("NumPy, all pairs", gravity, lambda rng: [[abs(_floats(rng, count, 4))] for count in (180, 233)]),
    "sort_pairs": (
        "np.argsort, stable, and two gathers",
        sort_pairs,
        lambda rng: [
            [rng.integers(0, 2**32, size, dtype=np.uint32), np.arange(size, dtype=np.uint32)] for size in (20_000, 5_000)
        ],
    ),
    "base64_decode": (
        "binascii.a2b_base64",
        binascii.a2b_base64,
        lambda rng: [[base64.b64encode(rng.bytes(size))] for size in (48_000, 16_000)],
    ),
    "histogram_256": (
        "np.bincount",
        lambda x: np.bincount(x, minlength=256),
        lambda rng: [[_skewed(rng, size)] for size in (250_000, 120_000)],
    ),
}
"""Name, function and inputs at the middle of the two timed ranges, by problem."""


def _floats(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.standard_normal(shape, dtype=np.float32)


def _skewed(rng: np.random.Generator, size: int) -> Any:
    drawn = np.frombuffer(rng.bytes(3 * size), np.uint8).reshape(3, size)
    return drawn[0] & drawn[1] & drawn[2]


async def measure(problem: Problem, evaluations: int) -> None:
    """Print a line for the seed and for each reference."""
    packages = await Environments(command_settings(None).cache).prepare(problem.definition.environment)
    sandbox = open_sandbox(Tier.NAMESPACES, problem, packages)
    await sandbox.start()
    main = problem.definition.seed[0]
    programs = {"the seed": problem.files[main]}
    programs |= {path: text for path, text in sorted(problem.files.items()) if path.startswith("references/")}
    try:
        for name, text in programs.items():
            before = sum(box_seconds(None).values())
            outcomes: list[Outcome] = []
            for _ in range(evaluations):
                candidate = Candidate({main: text.decode()}, Purpose.SEARCH, secrets.token_bytes(32))
                outcomes.append((await judge(sandbox, problem, candidate)).outcome)
            cost = (sum(box_seconds(None).values()) - before) / evaluations
            scores = [outcome.score for outcome in outcomes if outcome.score is not None]
            means = {key: fmean(outcome.metrics[key] for outcome in outcomes) for key in outcomes[0].metrics}
            print(
                f"{name:34} {fmean(scores):7.3f} ({min(scores):.3f} to {max(scores):.3f})  "
                f"{means['microseconds_1']:8.1f} us {means['microseconds_2']:8.1f} us  roofline {means['roofline']:.1%}  "
                f"{cost:.2f} s an evaluation",
                flush=True,
            )
    finally:
        await sandbox.close()


def library_line(problem: str) -> str:
    """Median processor time of a library at both shapes, arguments fresh every time."""
    name, function, inputs = LIBRARIES[problem]
    rng = np.random.default_rng()
    spent: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for times, arguments in zip(spent, inputs(rng), strict=True):
            before = time.thread_time()
            function(*arguments)
            times.append(1e6 * (time.thread_time() - before))
    return f"{name:34} {'':28} {median(spent[0]):8.1f} us {median(spent[1]):8.1f} us"


def main() -> None:
    """Measure the problems that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="+")
    parser.add_argument("--evaluations", type=int, default=5)
    arguments = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("expected OPENBLAS_NUM_THREADS=1 in the environment: NumPy is timed on one core, as candidates are")
    for name in arguments.problems:
        print(name)
        asyncio.run(measure(read_problem_folder(find_problem_folder(name)), arguments.evaluations))
        if name in LIBRARIES:
            print(library_line(name))


if __name__ == "__main__":
    main()
