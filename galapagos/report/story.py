"""How the best program came to be, step by step from the seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from database.views import Ancestor
from galapagos.progress import score_text
from galapagos.report.data import RunData
from galapagos.report.diffs import DiffLine, diff_programs

MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story.

    `kind` is the operator, `operator` that and its model; `tone` is "up" where the score rose by this step, else "still".
    """

    name: str
    kind: str
    operator: str
    score: str
    gain: str
    tone: str
    summary: str
    diff: list[DiffLine]
    is_open: bool


def tell(data: RunData) -> tuple[list[Step], str]:
    """The steps that are shown, oldest first, and a sentence about them.

    Of a long line the seed, the last step and those with the largest gains are kept; a step's diff is always that
    from its own parent.
    """
    line = data.lineage
    if not line:
        return [], ""
    sign = data.problem.definition.score.sign
    order = sorted(range(1, len(line)), key=lambda index: (index == len(line) - 1, _gain(line, index)), reverse=True)
    kept = {0, *order[: MOST_STEPS - 1]}
    largest = max(range(1, len(line)), key=lambda index: _gain(line, index), default=0)
    steps = [_step(line, index, sign, is_open=index == largest) for index in sorted(kept)]
    about = f"{len(line) - 1} changes lead from the seed to the best program"
    if len(kept) < len(line):
        about += f"; the {len(kept) - 1} with the largest gains are shown"
    return steps, f"{about}. A step down can open the way for later ones."


def _gain(line: Sequence[Ancestor], index: int) -> float:
    """How much better a program is than its parent, in recorded score; minus infinity where that cannot be said."""
    now, before = line[index].score, line[index - 1].score
    return now - before if now is not None and before is not None else -math.inf


def _step(line: Sequence[Ancestor], index: int, sign: float, *, is_open: bool) -> Step:
    made = line[index]
    operator = made.operator.value if made.model is None else f"{made.operator.value} by {made.model}"
    raw = score_text(None if made.score is None else sign * made.score)
    if index == 0:
        return Step("seed", made.operator.value, operator, raw, "", "still", "", [], False)
    gain = _gain(line, index)
    diff = diff_programs(line[index - 1].files, made.files, context=2)
    added, removed = (sum(item.kind == kind for item in diff) for kind in ("add", "del"))
    return Step(
        name=f"#{made.number}",
        kind=made.operator.value,
        operator=operator,
        score=raw,
        gain=f"{sign * gain:+.6g}" if math.isfinite(gain) else "",
        tone="up" if gain > 0 else "still",
        summary=f"{_lines(added, 'added')}, {_lines(removed, 'removed')}",
        diff=diff,
        is_open=is_open,
    )


def _lines(count: int, what: str) -> str:
    return f"{count} line{'' if count == 1 else 's'} {what}"
