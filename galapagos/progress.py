"""What a person sees while a run goes on: a live panel at a terminal, sparse lines anywhere else."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evolution.limits import Resource
from evolution.run import Budget, RunState

BARS = "▁▂▃▄▅▆▇█"
NOT_ISOLATED = "score not isolated"
"""The mark of scores that are made in the box of the candidate, by an evaluator that imports it."""
LINE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class OperatorStanding:
    """How an operator fares: proposals asked, those refused, programs scored, and those better than their parent."""

    name: str
    asked: int
    refused: int
    scored: int
    improved: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A run at one moment. Scores are raw; `curve` holds (evaluations, goodness) of each best so far, higher better.

    `rate` is evaluations per second over the last seconds; `seconds` is active time.
    """

    run: int
    problem: str
    title: str
    unit: str
    state: RunState
    stop_reason: str | None
    stop_detail: str | None
    tier: str
    score_isolated: bool
    seconds: float
    evaluations: int
    programs: int
    rate: float
    seed_score: float | None
    best_number: int | None
    best_score: float | None
    verified_score: float | None
    cells_filled: int
    cells: int
    islands: int
    micro_dollars: int
    tokens: int
    gpu_milliseconds: int
    uses_models: bool
    budget: Budget
    operators: Sequence[OperatorStanding] = field(default_factory=tuple[OperatorStanding, ...])
    curve: Sequence[tuple[int, float]] = field(default_factory=tuple[tuple[int, float], ...])


class Progress(Protocol):
    """Shows the standing of a run."""

    def show(self, standing: Standing) -> None:
        """Called about twice a second."""
        ...

    def note(self, message: str) -> None:
        """Tell something that happened once."""
        ...

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the terminal as it was."""
        ...


class LiveProgress:
    """A panel that is drawn anew in place."""

    def __init__(self, console: Console, hint: str) -> None:
        self._hint = hint
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, standing: Standing) -> None:
        """Draw the standing."""
        self._live.update(panel(standing, self._hint), refresh=True)

    def note(self, message: str) -> None:
        """Print above the panel."""
        self._live.console.print(message, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()


class LineProgress:
    """One line at a new best or another state, and otherwise when something changed, at most one every two seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed_at = 0.0
        self._last: tuple[float | None, float | None, RunState, int] | None = None

    def show(self, standing: Standing) -> None:
        """Print a line if one is due."""
        seen = (standing.best_score, standing.verified_score, standing.state, standing.evaluations)
        news = self._last is None or seen[:3] != self._last[:3]
        due = time.monotonic() - self._printed_at >= LINE_EVERY_S and seen != self._last
        if news or due:
            self._last, self._printed_at = seen, time.monotonic()
            self.note(line(standing))

    def note(self, message: str) -> None:
        """Print a line."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return


def progress_for(console: Console, hint: str = "Ctrl-C ends it cleanly") -> Progress:
    """The panel at a terminal, with a hint on what can be done there, lines elsewhere."""
    return LiveProgress(console, hint) if console.is_terminal and not console.is_dumb_terminal else LineProgress(console)


def score_text(score: float | None, unit: str = "") -> str:
    """A raw score with its unit, or a dash."""
    return "-" if score is None else f"{score:.10g} {unit}".rstrip()


def duration_text(seconds: float) -> str:
    """`75` as `1:15`; hours only where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def dollars_text(micro_dollars: int) -> str:
    """Money as dollars, exact to the micro-dollar."""
    return f"${micro_dollars / 1_000_000:.6f}".rstrip("0").rstrip(".") if micro_dollars else "$0"


def gpu_text(milliseconds: int) -> str:
    """For how long GPUs were held, in seconds."""
    return Resource.GPU_MILLISECONDS.text(milliseconds)


def left_text(standing: Standing) -> str:
    """Time left until the first limit of time or evaluations is reached, as far as can be told now."""
    budget = standing.budget
    estimates = [budget.seconds - standing.seconds] if budget.seconds is not None else []
    if budget.evaluations is not None and standing.rate > 0:
        estimates.append((budget.evaluations - standing.evaluations) / standing.rate)
    if standing.state is not RunState.RUNNING:
        if standing.state is RunState.PAUSED:
            return f"paused; galapagos unpause {standing.run} lets it go on"
        why = f": {standing.stop_detail}" if standing.stop_detail else ""
        return f"verifying the best{why}" if standing.state is RunState.FINISHING else f"ended{why}"
    if estimates:
        return f"{duration_text(max(min(estimates), 0.0))} left"
    return (
        "no limit of time" if budget.evaluations is None else f"{budget.evaluations - standing.evaluations:,} evaluations left"
    )


def line(standing: Standing) -> str:
    """The standing in one line."""
    parts = [
        f"{duration_text(standing.seconds):>6}",
        f"best {score_text(standing.best_score, standing.unit)}",
        f"verified {score_text(standing.verified_score)}",
        f"seed {score_text(standing.seed_score)}",
        f"{standing.evaluations} evaluations ({standing.rate:.0f}/s)",
        f"{standing.cells_filled} cells on {standing.islands} islands",
    ]
    if standing.uses_models:
        parts.append(f"{dollars_text(standing.micro_dollars)} spent")
    if standing.gpu_milliseconds:
        parts.append(gpu_text(standing.gpu_milliseconds))
    if not standing.score_isolated:
        parts.append(NOT_ISOLATED)
    return " | ".join([*parts, left_text(standing)])


def sparkline(curve: Sequence[tuple[int, float]], until: int, width: int = 48) -> str:
    """The best so far over evaluations as a row of bars."""
    if not curve:
        return ""
    low, high = curve[0][1], curve[-1][1]
    bars: list[str] = []
    place = 0
    for column in range(width):
        at = until * (column + 1) / width
        while place + 1 < len(curve) and curve[place + 1][0] <= at:
            place += 1
        share = (curve[place][1] - low) / (high - low) if high > low else 0.0
        bars.append(BARS[round(share * (len(BARS) - 1))])
    return "".join(bars)


def panel(standing: Standing, hint: str = "") -> Panel:
    """The standing as a panel of some ten lines, with a hint for who watches it in the run's own terminal."""
    scores = Table.grid(padding=(0, 3))
    scores.add_row(
        Text.assemble("best ", (score_text(standing.best_score, standing.unit), "bold green")),
        Text.assemble("verified ", (score_text(standing.verified_score), "bold")),
        Text.assemble("seed ", score_text(standing.seed_score)),
    )
    numbers = Table.grid(padding=(0, 3))
    numbers.add_row(
        f"{standing.evaluations:,} evaluations",
        f"{standing.rate:.0f}/s",
        f"{standing.cells_filled}/{standing.cells} cells",
        f"{standing.islands} islands",
        *([f"{dollars_text(standing.micro_dollars)} spent", f"{standing.tokens:,} tokens"] if standing.uses_models else []),
        *([gpu_text(standing.gpu_milliseconds)] if standing.gpu_milliseconds else []),
    )
    parts = [
        scores,
        Text(sparkline(standing.curve, standing.evaluations), style="green"),
        numbers,
        _operators(standing),
        _left(standing, hint),
    ]
    title = f"{standing.title} · run {standing.run}" + (" · reduced isolation" if standing.tier == "plain" else "")
    title += "" if standing.score_isolated else f" · {NOT_ISOLATED}"
    return Panel(Group(*parts), title=Text(title), title_align="left", padding=(0, 1))


def _operators(standing: Standing) -> Table:
    table = Table.grid(padding=(0, 2))
    for operator in standing.operators:
        share = f"{100 * operator.improved / operator.scored:.1f} %" if operator.scored else "-"
        table.add_row(
            Text(operator.name, style="cyan"),
            f"{operator.asked:,} asked",
            f"{operator.refused:,} refused",
            f"{operator.scored:,} scored",
            f"{share} better than their parent",
        )
    return table


def _left(standing: Standing, hint: str) -> Table:
    table = Table.grid(padding=(0, 2))
    used = _share_used(standing)
    bar = [ProgressBar(total=1.0, completed=used, width=40)] if used is not None else []
    hints = [Text(hint, style="dim")] if hint else []
    table.add_row(*bar, Text(f"{duration_text(standing.seconds)}  {left_text(standing)}"), *hints)
    return table


def _share_used(standing: Standing) -> float | None:
    budget = standing.budget
    shares = [standing.seconds / budget.seconds] if budget.seconds else []
    shares += [standing.evaluations / budget.evaluations] if budget.evaluations else []
    shares += [standing.micro_dollars / budget.micro_dollars] if budget.micro_dollars else []
    shares += [standing.tokens / budget.tokens] if budget.tokens else []
    shares += [standing.gpu_milliseconds / budget.gpu_milliseconds] if budget.gpu_milliseconds else []
    return min(max(shares), 1.0) if shares else None
