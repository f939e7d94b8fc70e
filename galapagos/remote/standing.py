"""How a run of a service stands, in the form in which progress is shown."""

import math
from collections.abc import Sequence

from evolution.problem import Definition
from galapagos.progress import Standing
from server.schemas.runs import RunDetail


def standing_of(run: RunDetail, definition: Definition, curve: Sequence[tuple[int, float]] = ()) -> Standing:
    """The run as `galapagos.progress` shows it; `curve` holds (evaluations, raw score) of each best so far."""
    sign = definition.score.sign
    return Standing(
        run=run.id,
        problem=run.problem,
        title=run.title,
        unit=run.unit,
        state=run.state,
        stop_reason=run.stop_reason.value if run.stop_reason else None,
        stop_detail=run.stop_detail,
        tier=run.tier.value,
        score_isolated=run.score_isolated,
        seconds=run.seconds,
        evaluations=run.evaluations,
        programs=run.programs,
        rate=run.rate,
        seed_score=run.seed_score,
        best_number=run.best,
        best_score=run.best_score,
        verified_score=run.verified_score,
        cells_filled=sum(run.cells.values()),
        cells=len(run.cells) * math.prod(axis.cells for axis in definition.axes),
        islands=len(run.cells),
        micro_dollars=run.spent_micro_dollars or 0,
        tokens=run.money.tokens_in + run.money.tokens_out if run.money else 0,
        gpu_milliseconds=run.gpu_milliseconds,
        uses_models=bool(run.config.models),
        budget=run.config.budget,
        curve=[(evaluations, sign * score) for evaluations, score in curve],
    )
