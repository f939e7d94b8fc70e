"""Agreement of twenty numbers with hidden targets, ridged so that blind steps can get stuck."""

import numpy as np
from galapagos_judge import Rejected

TARGETS = np.cos(np.arange(1, 21) * 1.7)
ROUNDS = 1
"""How often the score is computed: the throughput benchmark makes an evaluation cost more with it."""


def agreement(values):
    """Mean over 20 numbers of a ridged peak of height 1 at the target; shape (20,) to one float."""
    distance = np.abs(np.asarray(values, dtype=float) - TARGETS)
    for _ in range(ROUNDS):
        score = float(np.mean(np.exp(-4.0 * distance) * (0.85 + 0.15 * np.cos(20.0 * distance))))
    return score


def evaluate(candidate, context):
    """Score one candidate; `context` is unused, since nothing here is random."""
    values = candidate.call("solve", timeout=2.0)
    if not isinstance(values, list) or len(values) != 20 or not all(type(value) in (int, float) for value in values):
        raise Rejected("solve() must return a list of 20 numbers")
    if not all(-1.0 <= value <= 1.0 for value in values):
        raise Rejected("each number must lie between -1 and 1")
    return {
        "score": agreement(values),
        "features": {"mean": float(np.mean(values)), "spread": float(np.std(values))},
    }
