"""Scores update rules in AdamW-equivalent steps. The judge owns models, data, gradients, schedule and loss."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from galapagos_judge import Rejected
from suite import CLIP, STEPS, AdamW, Rule, Trial, equivalent_steps, load_reference, train
from tasks import OPEN, SEALED, Meta, Task, held_out_tasks, search_tasks

FOLDER = Path(__file__).parent
SCREEN_STEPS = 50
SEEDS = {"search": 3, "verify": 6}
# The probe's tensors: as many entries as a step of the largest task, in several shapes.
PROBE_SHAPES = ((65, 48), (49, 24), (25, 8), (64,))
PROBE_STEPS = 8
# Read once, when the judge is imported: each evaluation is a fresh process that finds them made.
TASKS = search_tasks(FOLDER)
HELD_OUT = held_out_tasks(FOLDER)
REFERENCE = load_reference(FOLDER)


def screen(candidate: Any, context: Any) -> dict[str, Any]:
    """A short look: half a training run of one task at five rates, and the CPU time of an update.

    `gain` is ln(AdamW's loss / the rule's) at its best rate; `cost` the CPU time of a step relative to AdamW's.
    """
    rule = Rule(candidate.call)
    task = TASKS[2]
    instances = task.draw(context.rng, 1, SCREEN_STEPS, OPEN)
    rates = rule.declared_rate() * 10.0 ** np.arange(-2, 3)
    trial = Trial(instances, np.zeros(5, dtype=int), rates)
    train(rule, [trial], SCREEN_STEPS)
    rival_rate = REFERENCE.curves[task.name].rate(np.log2(SCREEN_STEPS / STEPS))
    rival = Trial(instances, np.zeros(1, dtype=int), np.array([rival_rate]))
    train(AdamW(*REFERENCE.settings), [rival], SCREEN_STEPS)
    gain = float(rival.log_losses()[0] - trial.log_losses().min())
    gain = max(gain, -20.0)
    cost = _cost(candidate, context.rng)
    return {
        "score": gain,
        "metrics": {"gain": gain, "cost": cost},
        "features": {},
        "feedback": f"after {SCREEN_STEPS} steps the loss of a small network is {np.exp(-gain):.3g} times AdamW's",
    }


def evaluate(candidate: Any, context: Any) -> dict[str, Any]:
    """The score: mean over the search tasks of log2(steps that AdamW needs / steps taken)."""
    part = SEALED if context.purpose == "verify" else OPEN
    result = _judged(candidate, context, TASKS, part)
    result["features"] = _behaviour(candidate, context.rng)
    return result


def held_out(candidate: Any, context: Any) -> dict[str, Any]:
    """The same on tasks that no search has seen."""
    return _judged(candidate, context, HELD_OUT, SEALED)


def picture(candidate: Any, context: Any) -> str:
    """Bars as SVG: log2 AdamW-equivalents of every task."""
    result = _judged(candidate, context, TASKS, SEALED)
    rows = []
    scores = {name.removeprefix("task."): value for name, value in result["metrics"].items()}
    for row, (name, value) in enumerate({**scores, "mean": result["score"]}.items()):
        end = 200 + 60 * value
        rows.append(
            f'<text x="8" y="{row * 30 + 44}">{name}</text>'
            f'<rect x="{min(200, end):.1f}" y="{row * 30 + 30}" width="{abs(end - 200):.1f}" height="20" fill="#2e86c1"/>'
            f'<text x="390" y="{row * 30 + 44}">{value:+.2f}</text>'
        )
    height = 30 * len(rows) + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 {height}" font-family="sans-serif" font-size="12">'
        '<text x="8" y="16">log2 of AdamW-equivalent steps (0 = AdamW)</text>'
        f'{"".join(rows)}<line x1="200" y1="24" x2="200" y2="{height}" stroke="#333"/></svg>'
    )


def _judged(candidate: Any, context: Any, tasks: list[Task], part: str) -> dict[str, Any]:
    rule = Rule(candidate.call)
    steps, rates = equivalent_steps(rule, tasks, REFERENCE, context.rng, SEEDS[context.purpose], part)
    by_task = {task.name: float(mean) for task, mean in zip(tasks, steps.mean(axis=1), strict=True)}
    score = float(steps.mean())
    notes = [f"{name} {value:+.2f} (rate {rate:.3g})" for (name, value), rate in zip(by_task.items(), rates, strict=True)]
    diverged = int((steps <= -CLIP).sum())
    return {
        "score": score,
        "metrics": {f"task.{name}": value for name, value in by_task.items()},
        "features": {},
        "feedback": (
            f"log2 of AdamW-equivalent steps, by task: {', '.join(notes)}. Mean {score:+.3f}, that is "
            f"{2**score:.2f} times the steps. Runs that diverged or did not learn: {diverged} of {steps.size}."
        ),
    }


def _cost(candidate: Any, rng: np.random.Generator) -> float:
    """CPU time of the rule's steps, measured from outside, relative to AdamW's written the same way."""
    frame = (FOLDER / "rule.py").read_text()
    start, end = frame.index("# EVOLVE-BLOCK-START"), frame.index("# EVOLVE-BLOCK-END")
    own: dict[str, Any] = {}
    exec(compile(frame[:start] + (FOLDER / "references" / "adamw.py").read_text() + frame[end:], "adamw", "exec"), own)  # noqa: S102 (our own file)
    metas, calls = _probe(rng)
    params = calls[0][2]
    own["begin"](metas, params)
    own["step"](*calls[0])
    before = time.thread_time()
    for call in calls:
        own["step"](*call)
    allowed = time.thread_time() - before
    candidate.call("begin", metas, params)
    candidate.call("step", *calls[0])
    _, seconds = candidate.time("step", calls)
    return float(seconds / max(allowed, 1e-6))


def _probe(rng: np.random.Generator) -> tuple[list[dict[str, object]], list[tuple[Any, ...]]]:
    """Steps on random tensors: two replicas, of which the second's gradients are ten times as large."""
    metas = [Meta("hidden" if len(shape) > 1 else "vector", shape, shape[0], shape[-1]).plain() for shape in PROBE_SHAPES]
    params = [0.01 * rng.standard_normal((2, *shape)).astype(np.float32) for shape in PROBE_SHAPES]
    rates = [np.full(2, 1e-3) for _ in params]
    calls: list[tuple[Any, ...]] = []
    for number in range(1, PROBE_STEPS + 1):
        gradients = []
        for shape in PROBE_SHAPES:
            gradient = 0.1 * rng.standard_normal(shape).astype(np.float32)
            gradients.append(np.stack([gradient, 10 * gradient]))
        calls.append((number, rates, params, gradients))
    return metas, calls


def _behaviour(candidate: Any, rng: np.random.Generator) -> dict[str, float]:
    """What a rule does, seen from outside, each from 0 to 1.

    `inertia`: how far a step without gradient goes, relative to the step before it. `response`: log10 of how much
    farther a step goes when all gradients are ten times as large (0: not at all, 1: ten times).
    """
    metas, calls = _probe(rng)
    params = calls[0][2]
    still = [np.zeros_like(tensor) for tensor in params]
    candidate.call("begin", metas, params)
    moved = candidate.call_many("step", [*calls, (PROBE_STEPS + 1, calls[0][1], params, still)])
    last, after = (_lengths(answer, params) for answer in moved[-2:])
    with np.errstate(all="ignore"):
        inertia, response = after[0] / last[0], np.log10(last[1] / last[0])
    numbers = {"inertia": inertia, "response": response}
    return {name: float(np.clip(value, 0, 1)) if np.isfinite(value) else 0.0 for name, value in numbers.items()}


def _lengths(answer: Any, params: list[np.ndarray]) -> np.ndarray:
    """Distance that each replica moved, shape (2,)."""
    if not isinstance(answer, list) or len(answer) != len(params):
        raise Rejected("the rule did not return one array for each tensor")
    squares = np.zeros(2)
    for new, old in zip(answer, params, strict=True):
        if not isinstance(new, np.ndarray) or new.shape != old.shape:
            raise Rejected("update must return an array of the shape of p")
        squares += ((new.astype(np.float64) - old).reshape(2, -1) ** 2).sum(axis=1)
    return np.sqrt(squares)
