"""Make curves.json of the optimizer problems: how the loss of a tuned AdamW falls with the number of steps.

    python -m benchmarks.optimizer_curves
    python -m benchmarks.optimizer_curves --seven

AdamW's betas, epsilon and decay are searched at random for the lowest mean log loss over the search tasks at the
suite's own number of steps, every setting with its peak rate tuned for each task. Then each task's curve is drawn
with these settings, the peak rate tuned again at every number of steps. Takes a few minutes of one core; with `--seven`,
for the tasks of optimizer_seven, about nine.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
FOUR = [ROOT / "problems" / name for name in ("optimizer_rule", "optimizer_schedule", "optimizer_full")]
SEVEN = [ROOT / "problems" / "optimizer_seven"]
sys.path.append(str(ROOT / "evaluators" / "harness"))

from galapagos_optimizers import suites, tasks, training  # noqa: E402 (found through the path set above, as in the judge's box)
from galapagos_optimizers.yardstick import CLIP  # noqa: E402

RATES = 10.0 ** np.arange(-3.5, 1.01, 0.25)
SETTINGS, SEARCH_SEEDS, CURVE_SEEDS = 20, 4, 16
LOG2_STEPS = np.arange(-CLIP, CLIP + 0.01, 0.5)


def mean_log_losses(
    task: tasks.Task, settings: Sequence[float], rates: np.ndarray, seeds: int, steps: int, seed: int
) -> np.ndarray:
    """Mean over seeds of the log loss for every rate. Seeds come four at a time, for other widths."""
    losses: list[np.ndarray] = []
    for group in range(0, seeds, 4):
        instances = task.draw(np.random.default_rng([seed, group]), 4, steps, tasks.OPEN)
        trial = training.Trial(instances, np.repeat(np.arange(4), len(rates)), np.tile(rates, 4))
        training.train(training.AdamW(*settings), [trial], steps)
        losses.append(trial.log_losses().reshape(4, -1))
    return np.concatenate(losses).mean(axis=0)


def best_rate(losses: np.ndarray, rates: np.ndarray) -> tuple[float, float]:
    """The best rate (vertex of a parabola in log rate) and the loss there."""
    best = int(np.clip(np.argmin(losses), 1, len(losses) - 2))
    near = losses[best - 1 : best + 2]
    shift = training.vertex(near)
    if not np.isfinite(near).all():
        return float(rates[np.argmin(losses)]), float(losses.min())
    ratio = rates[1] / rates[0]
    slope, bend = (near[2] - near[0]) / 2, near[0] - 2 * near[1] + near[2]
    return float(rates[best] * ratio**shift), float(near[1] + slope * shift + bend * shift**2 / 2)


def tuned_settings(searched: Sequence[tasks.Task]) -> tuple[list[float], float]:
    """The best of SETTINGS random settings: betas, epsilon, decay."""
    rng = np.random.default_rng(20)
    best: tuple[float, list[float]] = (np.inf, [])
    for number in range(SETTINGS):
        settings = [0.9, 0.99, 1e-8, 0.0]
        if number:
            settings = [
                float(1 - 10 ** rng.uniform(-1.7, -0.4)),
                float(1 - 10 ** rng.uniform(-3, -0.7)),
                float(10 ** rng.uniform(-9, -3)),
                float(rng.choice([0.0, 10 ** rng.uniform(-3, 0)])),
            ]
        rates = RATES[4::2]
        found = [
            best_rate(mean_log_losses(task, settings, rates, SEARCH_SEEDS, training.STEPS, 1), rates)[1] for task in searched
        ]
        mean = float(np.mean(found))
        if mean < best[0]:
            best = (mean, settings)
            print(number, np.round(settings, 10), round(mean, 4), np.round(found, 3), flush=True)
    return best[1], best[0]


def curve(task: tasks.Task, settings: Sequence[float]) -> dict[str, list[float]]:
    """Log losses and tuned rates from STEPS / 8 to 8 STEPS."""
    losses: list[float] = []
    rates: list[float] = []
    for log2_steps in LOG2_STEPS:
        steps = round(training.STEPS * 2**log2_steps)
        # The best rate moves slowly with the number of steps: look around the last one.
        near = RATES if not rates else RATES[np.abs(np.log10(RATES / rates[-1])) < 0.7]
        rate, loss = best_rate(mean_log_losses(task, settings, near, CURVE_SEEDS, steps, 2), near)
        losses.append(round(loss, 5))
        rates.append(round(rate, 6))
    print(task.name, losses, rates, flush=True)
    return {"log2_steps": LOG2_STEPS.tolist(), "log_losses": losses, "rates": rates}


def main() -> None:
    """Search, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seven", action="store_true", help="for the seven tasks of optimizer_seven")
    folders = SEVEN if parser.parse_args().seven else FOUR
    searched = suites.seven_tasks(folders[0]) if folders is SEVEN else suites.search_tasks(folders[0])
    settings, _ = tuned_settings(searched)
    curves = {task.name: curve(task, settings) for task in [*searched, *suites.held_out_tasks(folders[0])]}
    names = ("beta1", "beta2", "epsilon", "decay")
    content = {"steps": training.STEPS, "adamw": dict(zip(names, settings, strict=True)), "curves": curves}
    for folder in folders:
        (folder / "curves.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
