"""The tables of the report."""

from dataclasses import dataclass

from database.for_people import counts_by_operator, counts_by_verdict, raw
from evolution.problem import Known
from galapagos.progress import dollars_text, duration_text, score_text
from galapagos.report.data import RunData

Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A line of the table of known values; `ours` is the one that holds the run's own best."""

    cells: list[str]
    ours: bool = False


def known(data: RunData) -> list[KnownRow]:
    """The problem's known values and the run's best among them, best first; empty if the problem names none.

    The best is the verified one, or that of the search as long as nothing was verified.
    """
    definition, live = data.problem.definition, data.live
    sign, unit = definition.score.sign, definition.score.unit
    if not definition.known:
        return []
    verified = live.verified_score is not None
    ours = live.verified_score if verified else live.best_score
    rows = [(sign * item.value, KnownRow(_known_cells(item, sign, unit, ours))) for item in definition.known]
    if ours is not None:
        name = "this run's verified best" if verified else "this run's best, not verified"
        rows.append((ours, KnownRow([name, score_text(sign * ours, unit), "", f"run {live.row.id}", "", ""], ours=True)))
    return [row for _, row in sorted(rows, key=lambda pair: (pair[0], pair[1].ours), reverse=True)]


def _known_cells(item: Known, sign: float, unit: str, ours: float | None) -> list[str]:
    basis = "recomputed" if item.recomputed else "quoted"
    gain = None if ours is None else ours - sign * item.value
    return [item.name, score_text(item.value, unit), _compared(gain), item.source, item.date, basis]


def _compared(gain: float | None) -> str:
    """How the run stands against a known value, `gain` being how much better it is."""
    if gain is None:
        return ""
    return "equal" if gain == 0 else f"{abs(gain):.4g} {'better' if gain > 0 else 'worse'}"


def operators(data: RunData) -> Rows:
    """How each operator fared."""
    return [
        [
            count.operator.value,
            f"{count.asked:,}",
            f"{count.refused:,}",
            f"{count.evaluated:,}",
            f"{count.scored:,}",
            f"{count.improved:,}" + (f" ({100 * count.improved / count.scored:.1f} %)" if count.scored else ""),
        ]
        for count in counts_by_operator(list(data.tally))
    ]


def refusals(data: RunData) -> Rows:
    """Why proposals brought no program, the most frequent reason first."""
    found = sorted((line for line in data.tally if line.refusal is not None), key=lambda line: -line.count)
    return [[line.refusal.value, line.operator.value, f"{line.count:,}"] for line in found if line.refusal is not None]


def verdicts(data: RunData) -> Rows:
    """How evaluations ended."""
    return [[verdict.value, f"{count:,}"] for verdict, count in counts_by_verdict(list(data.tally))]


def models(data: RunData) -> Rows:
    """What was asked of each model, and what it cost."""
    return [
        [
            spend.model,
            f"{spend.calls:,}",
            f"{spend.failed:,}",
            f"{spend.tokens_in:,}",
            f"{spend.tokens_out:,}",
            dollars_text(spend.cost_micro_dollars),
            "" if spend.mean_latency_s is None else f"{spend.mean_latency_s:.1f} s",
        ]
        for spend in data.models
    ]


def spend(data: RunData) -> Rows:
    """What was used of each limit."""
    live, row = data.live, data.live.row
    budget, account, sign = row.config.budget, row.account, data.problem.definition.score.sign
    money = None if account.limit_micro_dollars is None else dollars_text(account.limit_micro_dollars)
    rows = [
        ["evaluations", f"{live.evaluations:,}", f"{budget.evaluations:,}" if budget.evaluations else "none"],
        ["active time", duration_text(row.active_s), duration_text(budget.seconds) if budget.seconds else "none"],
        ["target", score_text(raw(live.best_score, sign)), score_text(budget.target) if budget.target is not None else "none"],
        ["money", dollars_text(account.spent_micro_dollars), money or "none"],
    ]
    if live.gpu_milliseconds or budget.gpu_milliseconds is not None:
        most = "none" if budget.gpu_milliseconds is None else f"{budget.gpu_milliseconds / 1000:,g}"
        rows.append(["GPU seconds", f"{live.gpu_milliseconds / 1000:,.1f}", most])
    if account.tokens_in or account.tokens_out:
        rows.append(["tokens in and out", f"{account.tokens_in:,} and {account.tokens_out:,}", "none"])
    return rows


def facts(data: RunData) -> Rows:
    """How the run was set up, and where the best was verified."""
    row = data.live.row
    names = ", ".join(f"{model.name} (weight {model.weight:g})" for model in row.config.models)
    found = [
        ["problem revision", row.problem],
        ["strategy", f"{row.config.strategy.value}, {row.config.order.value}, {len(data.live.cells)} islands"],
        ["models", names or "none: mutation and tuning only"],
        ["seed of all choices", str(row.seed)],
        ["events in the log", f"{row.as_of_event:,}"],
        ["check it", f"galapagos verify {row.id}"],
    ]
    return found + [[name, str(value)] for name, value in sorted(data.machine.items())]
