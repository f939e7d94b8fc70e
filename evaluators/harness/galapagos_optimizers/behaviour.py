"""What an optimiser costs and how it moves, seen from outside on a probe."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from galapagos_judge import Candidate
from galapagos_optimizers.tasks import Meta, Tensors
from galapagos_optimizers.training import STEPS, Level, Rule, Trial, checked, schedule
from galapagos_values import decode, encode

# The probe's tensors: as many entries as a step of the largest task, in several shapes.
PROBE_SHAPES = ((65, 48), (49, 24), (25, 8), (64,))
PROBE_STEPS = 8
# Small ones, of every kind, for a fingerprint.
SMALL = (("hidden", (13, 9)), ("head", (10, 6)), ("vector", (17,)))


class PlainAdamW:
    """AdamW written as a candidate's rule is: one tensor of one replica at a time."""

    def __init__(self, params: Tensors) -> None:
        self._moments = [[[np.zeros_like(p), np.zeros_like(p)] for p in tensor] for tensor in params]

    def step(self, t: int, rates: Sequence[np.ndarray], params: Tensors, gradients: Tensors) -> Tensors:
        """The next parameters."""
        answer: Tensors = []
        for moments, lrs, tensor, slopes in zip(self._moments, rates, params, gradients, strict=True):
            new = np.empty_like(tensor)
            for replica, (p, g, lr) in enumerate(zip(tensor, slopes, lrs.tolist(), strict=True)):
                m, v = moments[replica]
                m = 0.9 * m + 0.1 * g
                v = 0.99 * v + 0.01 * g * g
                moments[replica] = [m, v]
                new[replica] = p - lr * ((m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.01 * p)
            answer.append(new)
        return answer

    def seconds(self, t: int, rates: Sequence[np.ndarray], params: Tensors, gradients: Tensors) -> float:
        """Processor time of such a step, with decoding the request and encoding the answer."""
        structure, buffers, _ = encode(("step", [[t, [*rates], params, gradients]]))
        arrays = bytearray(b"".join(buffers))
        before = time.thread_time()
        decode(structure, arrays)
        _, answered, _ = encode([2, [self.step(t, rates, params, gradients)]])
        b"".join(answered)
        return time.thread_time() - before


class Clocked(Rule):
    """A candidate's optimiser, and what AdamW would take for every so-many-th of the same steps."""

    def __init__(self, candidate: Candidate, level: Level, every: int) -> None:
        super().__init__(candidate, level, timed=True)
        self._every = every
        self._plain = PlainAdamW([])
        self._plain_seconds = 0.0

    def begin(self, trials: Sequence[Trial], steps: int) -> None:
        """Begin both."""
        self._plain = PlainAdamW([tensor for trial in trials for tensor in trial.params])
        super().begin(trials, steps)

    def step(self, number: int, trials: Sequence[Trial], gradients: Tensors, steps: int) -> None:
        """One step of the candidate's, and perhaps one of AdamW beside it."""
        if number % self._every == 1:
            params = [tensor for trial in trials for tensor in trial.params]
            rates = [trial.rates for trial in trials for _ in trial.params]
            # The sampled steps weigh as much as those between them.
            self._plain_seconds += self._every * self._plain.seconds(number, rates, params, gradients)
        super().step(number, trials, gradients, steps)

    def cost(self) -> float:
        """Processor time of its steps relative to AdamW's, hand-over included in both."""
        return self.seconds / max(self._plain_seconds, 1e-6)


Calls = list[tuple[int, list[np.ndarray], Tensors, Tensors]]


def probe(rng: np.random.Generator) -> tuple[list[dict[str, object]], Calls]:
    """Steps on random tensors: two replicas, of which the second's gradients are ten times as large."""
    metas = [Meta("hidden" if len(shape) > 1 else "vector", shape, shape[0], shape[-1]).plain() for shape in PROBE_SHAPES]
    params = [0.01 * rng.standard_normal((2, *shape)).astype(np.float32) for shape in PROBE_SHAPES]
    rates = [np.full(2, 1e-3) for _ in params]
    calls: Calls = []
    for number in range(1, PROBE_STEPS + 1):
        gradients: Tensors = []
        for shape in PROBE_SHAPES:
            gradient = 0.1 * rng.standard_normal(shape).astype(np.float32)
            gradients.append(np.stack([gradient, 10 * gradient]))
        calls.append((number, rates, params, gradients))
    return metas, calls


def behaviour(candidate: Candidate, level: Level, rng: np.random.Generator) -> dict[str, float]:
    """How a rule moves, each from 0 to 1.

    `inertia`: how far a step without gradient goes, relative to the step before it. `response`: log10 of how much
    farther a step goes when all gradients are ten times as large (0: not at all, 1: ten times).
    """
    metas, calls = probe(rng)
    params = calls[0][2]
    still = [np.zeros_like(tensor) for tensor in params]
    # A schedule is asked for steps of its middle, where it does not yet end.
    Rule(candidate, level).begin_with(metas, params, [len(params)], 3 * PROBE_STEPS)
    moved = candidate.call_many("step", [*calls, (PROBE_STEPS + 1, calls[0][1], params, still)])
    last, after = (_lengths(answer, params) for answer in moved[-2:])
    with np.errstate(all="ignore"):
        inertia, response = after[0] / last[0], np.log10(last[1] / last[0])
    numbers = {"inertia": inertia, "response": response}
    return {name: float(np.clip(value, 0, 1)) if np.isfinite(value) else 0.0 for name, value in numbers.items()}


def fingerprint(candidate: Candidate, level: Level, rng: np.random.Generator, rate: float, trained: Tensors) -> str:
    """Equal for optimisers whose declared rate, trained parameters and answers to a whole run's steps are equal to the bit.

    These steps, on small random tensors, have gradients of very different sizes, and rates from a tenth to ten times the
    declared one. `trained` are parameters that the optimiser has trained, on what is alike for all that are compared.
    """
    metas = [Meta(kind, shape, shape[0], shape[-1]).plain() for kind, shape in SMALL]
    peaks = rate * np.array([0.1, 10.0])
    calls: Calls = []
    for number in range(1, STEPS + 1):
        factor = 1.0 if level is Level.SCHEDULE else schedule(number, STEPS)
        params = [rng.standard_normal((2, *shape)).astype(np.float32) for _, shape in SMALL]
        sizes = 10.0 ** rng.uniform(-4, 1, len(SMALL))
        gradients = [(size * rng.standard_normal(p.shape)).astype(np.float32) for size, p in zip(sizes, params, strict=True)]
        calls.append((number, [peaks * factor] * len(SMALL), params, gradients))
    Rule(candidate, level).begin_with(metas, calls[0][2], [len(SMALL)], STEPS)
    digest = hashlib.sha256(np.float64(rate).tobytes())
    for tensor in trained:
        digest.update(tensor.tobytes())
    for call, answer in zip(calls, candidate.call_many("step", calls), strict=True):
        for tensor in checked(answer, call[2]):
            digest.update(tensor.tobytes())
    return digest.hexdigest()


def _lengths(answer: Any, params: Tensors) -> np.ndarray:
    """Distance that each replica moved, shape (2,)."""
    squares = np.zeros(2)
    for new, old in zip(checked(answer, params), params, strict=True):
        squares += ((new.astype(np.float64) - old).reshape(2, -1) ** 2).sum(axis=1)
    return np.sqrt(squares)
