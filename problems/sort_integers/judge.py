"""Scores a sorting routine by its CPU time, measured from outside, relative to a sort of the judge's own."""

import time
from typing import Any

import numpy as np
from galapagos_judge import Rejected

ROUNDS = 9
SIZES = (9_000, 15_001)
LOWEST, HIGHEST = -(2**31), 2**31 - 1
DRAWN_SIZES = (500, 2_000, 8_000, 32_000)


def evaluate(candidate: Any, context: Any) -> dict[str, Any]:
    """Check awkward inputs, then time fresh random ones and check those too.

    Score: median over rounds of (CPU seconds of numpy's stable sort in this process / CPU seconds of the candidate)
    on the same arrays. Both are taken within milliseconds, which takes out most of the machine's changes of speed;
    neither clock is within the candidate's reach.
    """
    rng = context.rng
    _sorted_by(candidate, _awkward(rng))
    ratios: list[float] = []
    per_value: list[float] = []
    for _ in range(ROUNDS):
        arrays = [_random(rng, int(rng.integers(*SIZES))) for _ in range(int(rng.integers(2, 5)))]
        seconds, own = _sorted_by(candidate, arrays)
        ratios.append(own / seconds)
        per_value.append(1e9 * seconds / sum(len(values) for values in arrays))
    score, nanoseconds = float(np.median(ratios)), float(np.median(per_value))
    low, high = np.quantile(ratios, [0.25, 0.75])
    return {
        "score": score,
        "metrics": {"nanoseconds": nanoseconds, "spread": float((high - low) / score)},
        "features": {},
        "feedback": f"{nanoseconds:.1f} ns of CPU time per value; {score:.3f} times the speed of numpy's stable sort",
    }


def picture(candidate: Any, context: Any) -> str:
    """CPU time per value at four sizes, the candidate's and numpy's, as SVG."""
    bars: list[str] = []
    for column, size in enumerate(DRAWN_SIZES):
        seconds, own = _sorted_by(candidate, [_random(context.rng, size) for _ in range(64_000 // size)])
        for shift, value, colour in ((0, seconds, "#2e86c1"), (34, own, "#b2bec3")):
            nanoseconds = 1e9 * value / (64_000 // size * size)
            height = min(200.0, nanoseconds)
            left = 20 + 100 * column + shift
            bars.append(f'<rect x="{left}" y="{220 - height:.1f}" width="30" height="{height:.1f}" fill="{colour}"/>')
            bars.append(f'<text x="{left}" y="{214 - height:.1f}">{nanoseconds:.0f}</text>')
        bars.append(f'<text x="{20 + 100 * column}" y="236">{size} values</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 260" font-family="sans-serif" font-size="12">'
        f'{"".join(bars)}<text x="20" y="254">ns of CPU time per value: this program (blue), numpy stable sort (grey)</text>'
        "</svg>"
    )


def _sorted_by(candidate: Any, arrays: list[np.ndarray]) -> tuple[float, float]:
    """CPU seconds of the candidate and of numpy for the same arrays; every value of every answer is compared."""
    answers, seconds = candidate.time("sort", [(values,) for values in arrays])
    # The thread's clock: where a process has a limit on CPU time, Linux moves the process's clock in ticks only.
    before = time.thread_time()
    expected = [np.sort(values, kind="stable") for values in arrays]
    own = time.thread_time() - before
    for values, (answer,), right in zip(arrays, answers, expected, strict=True):
        if answer.dtype != np.int32 or not np.array_equal(answer, right):
            raise Rejected(f"an array of {len(values)} values came back wrong: it must hold the same values, ascending")
    if seconds <= 0:
        raise RuntimeError(f"the candidate's clock showed {seconds} s for {len(arrays)} arrays")
    return seconds, own


def _random(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.integers(LOWEST, HIGHEST, size, dtype=np.int32, endpoint=True)


def _awkward(rng: np.random.Generator) -> list[np.ndarray]:
    """Small, ordered, reversed, constant, repetitive and extreme inputs."""
    arrays = [_random(rng, size) for size in (1, 2, 3, 5, 16, 17, 64, 100, 257, 1000)]
    plain = _random(rng, 500)
    arrays += [np.sort(plain), np.sort(plain)[::-1].copy(), np.full(300, plain[0], np.int32)]
    arrays += [rng.integers(0, 3, 700, dtype=np.int32), np.array([HIGHEST, LOWEST] * 40, np.int32)]
    return arrays
