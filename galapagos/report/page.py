"""The page of a report: figures and charts put into its template.

Everything that a candidate, a model or a problem wrote is escaped by the template; pictures are shown as images, in
which nothing can run.
"""

import base64
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from evolution.evaluation import Tier
from evolution.problem import FeatureAxis
from galapagos.progress import dollars_text, duration_text, score_text
from galapagos.report import charts
from galapagos.report.data import RunData
from galapagos.report.diffs import DiffLine, diff_programs
from galapagos.report.story import Step, tell

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the head of the page."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveFigure:
    """The archive of one island."""

    name: str
    chart: Markup


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the best program."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the template shows, in its order."""

    run: int
    problem: str
    title: str
    ended: str
    tier: str
    reduced: bool
    strategy: str
    seed: int
    started: str
    tiles: list[Tile]
    score_about: str
    score_chart: Markup
    operators_seen: list[str]
    has_references: bool
    picture: str | None
    verified_about: str
    stages: list[list[str]]
    archives: list[ArchiveFigure]
    archive_about: str
    lineage: list[Step]
    lineage_about: str
    seed_diff: list[DiffLine]
    operators: list[list[str]]
    refusals: list[list[str]]
    verdicts: list[list[str]]
    spend: list[list[str]]
    facts: list[list[str]]
    best_files: list[SourceFile]


def render(data: RunData) -> str:
    """The report as HTML that needs nothing else: no script, no font, no address."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((HERE / "page.html.jinja").read_text())
    return template.render(page=page_of(data), style=Markup((HERE / "page.css").read_text()))  # noqa: S704 - our own file


def page_of(data: RunData) -> Page:
    """The content of the page."""
    row, definition = data.row, data.problem.definition
    steps, about = tell(data)
    best = data.lineage[-1].files if data.lineage else {}
    references = [charts.Reference(known.name, known.value) for known in definition.known]
    return Page(
        run=row.id,
        problem=definition.name,
        title=definition.title,
        ended=_ended(data),
        tier=f"tier {row.tier.value}",
        reduced=row.tier is Tier.PLAIN,
        strategy=row.config.strategy.value.replace("_", " "),
        seed=row.seed,
        started=f"{row.created_at:%Y-%m-%d %H:%M} UTC",
        tiles=_tiles(data),
        score_about=_score_about(data),
        score_chart=_score_chart(data, references),
        operators_seen=sorted({point.operator.value for point in data.points}),
        has_references=bool(references),
        picture=_picture(data.picture),
        verified_about=_verified_about(data),
        stages=_stages(data),
        archives=_archives(data),
        archive_about=_archive_about(definition.axes),
        lineage=steps,
        lineage_about=about,
        seed_diff=diff_programs(data.lineage[0].files, best) if len(data.lineage) > 1 else [],
        operators=_operators(data),
        refusals=[[reason.value, operator.value, f"{count:,}"] for reason, operator, count in data.refusals],
        verdicts=[[verdict.value, f"{count:,}"] for verdict, count in data.verdicts],
        spend=_spend(data),
        facts=_facts(data),
        best_files=[SourceFile(path, text) for path, text in sorted(best.items())],
    )


def _raw(data: RunData, score: float | None) -> float | None:
    return None if score is None else data.problem.definition.score.sign * score


def _ended(data: RunData) -> str:
    row = data.row
    return f"{row.state.value}: {row.stop_detail or row.stop_reason.value}" if row.stop_reason else row.state.value


def _tiles(data: RunData) -> list[Tile]:
    unit = data.problem.definition.score.unit
    verified = data.verified.score if data.verified else None
    rate = data.evaluations / data.row.active_s if data.row.active_s > 0 else 0.0
    tiles = [
        Tile("verified best", score_text(_raw(data, verified)), unit or "fresh seeds, fresh sandbox"),
        Tile(
            "best in the search",
            score_text(_raw(data, data.best_score)),
            f"program {data.best}" if data.best is not None else "",
        ),
        Tile("seed program", score_text(_raw(data, data.seed_score)), "where it began"),
        Tile("evaluations", f"{data.evaluations:,}", f"{rate:.1f} per second"),
        Tile("active time", duration_text(data.row.active_s), f"{data.programs:,} programs"),
    ]
    account = data.row.account
    if data.row.config.models:
        tokens = account.tokens_in + account.tokens_out
        tiles.append(Tile("spent on models", dollars_text(account.spent_micro_dollars), f"{tokens:,} tokens"))
    return tiles


def _score_about(data: RunData) -> str:
    score = data.problem.definition.score
    what = f"{score.name}{f' in {score.unit}' if score.unit else ''}; {'larger' if score.sign > 0 else 'smaller'} is better."
    shown = (
        "Every scored program is a dot"
        if data.points_are_all
        else f"{len(data.points):,} scored programs, evenly taken, are dots"
    )
    return f"{what} {shown}; those far below the rest lie on the edge of the frame."


def _score_chart(data: RunData, references: list[charts.Reference]) -> Markup:
    sign = data.problem.definition.score.sign
    dots = [charts.Dot(point.evaluation, sign * point.score, point.operator.value) for point in data.points]
    best = [(record.evaluations, sign * record.score) for record in data.records]
    return Markup(charts.score_chart(dots, best, references, data.evaluations, ""))  # noqa: S704 - made of numbers and escaped text


def _picture(svg: str | None) -> str | None:
    return None if svg is None else f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _verified_about(data: RunData) -> str:
    if data.verified is None:
        return "The best has not been verified: the run is not finished, or verification failed."
    if data.verified.score is None:
        return f"The best program failed its verification: {data.verified.verdict.value}."
    return "Measured again in a fresh sandbox on fresh seeds. Hidden stages run only now; the search never saw them."


def _stages(data: RunData) -> list[list[str]]:
    if data.verified is None:
        return []
    rows: list[list[str]] = []
    for stage in data.verified.stages:
        numbers = ", ".join(f"{name} {value:.5g}" for name, value in sorted(stage.metrics.items()))
        spread = f"{min(stage.samples):.6g} to {max(stage.samples):.6g}" if len(stage.samples) > 1 else ""
        score = score_text(_raw(data, stage.score))
        name = f"{stage.stage} (hidden)" if stage.hidden else stage.stage
        rows.append([name, stage.verdict.value, score, spread, numbers, f"{stage.duration_s:.2f} s"])
    return rows


def _archives(data: RunData) -> list[ArchiveFigure]:
    axes = data.problem.definition.axes
    if not data.elites or not axes:
        return []
    islands: dict[int, dict[tuple[int, ...], float]] = defaultdict(dict)
    for elite in data.elites:
        islands[elite.island][elite.cell] = elite.score
    scores = sorted(elite.score for elite in data.elites)
    low, high = scores[len(scores) // 20], scores[-1]
    return [
        ArchiveFigure(
            f"island {island + 1} · {len(cells)} cells filled · best {score_text(_raw(data, max(cells.values())))}",
            Markup(charts.archive_chart(cells, axes, max(cells, key=cells.__getitem__), low, high)),  # noqa: S704 - numbers
        )
        for island, cells in sorted(islands.items())
    ]


def _archive_about(axes: tuple[FeatureAxis, ...]) -> str:
    text = "Each cell keeps the best program with such features. Stronger colour: better score. Outlined: the island's best."
    return (
        text
        if len(axes) <= 2
        else f"{text} Of {len(axes)} axes the first two are shown; a cell shows the best over the others."
    )


def _operators(data: RunData) -> list[list[str]]:
    return [
        [
            count.operator.value,
            f"{count.asked:,}",
            f"{count.refused:,}",
            f"{count.evaluated:,}",
            f"{count.scored:,}",
            f"{count.improved:,}" + (f" ({100 * count.improved / count.scored:.1f} %)" if count.scored else ""),
        ]
        for count in data.operators
    ]


def _spend(data: RunData) -> list[list[str]]:
    budget, account = data.row.config.budget, data.row.account
    money = None if account.limit_micro_dollars is None else dollars_text(account.limit_micro_dollars)
    rows = [
        ["evaluations", f"{data.evaluations:,}", f"{budget.evaluations:,}" if budget.evaluations else "none"],
        ["active time", duration_text(data.row.active_s), duration_text(budget.seconds) if budget.seconds else "none"],
        ["target", score_text(_raw(data, data.best_score)), score_text(budget.target) if budget.target is not None else "none"],
        ["money", dollars_text(account.spent_micro_dollars), money or "none"],
    ]
    if data.row.config.models:
        rows.append(["tokens in and out", f"{account.tokens_in:,} and {account.tokens_out:,}", "none"])
    return rows


def _facts(data: RunData) -> list[list[str]]:
    row = data.row
    models = (
        ", ".join(f"{model.name} (weight {model.weight:g})" for model in row.config.models) or "none: mutation and tuning only"
    )
    facts = [
        ["problem revision", row.problem],
        ["strategy", f"{row.config.strategy.value}, {row.config.order.value}, {data.islands} islands"],
        ["models", models],
        ["seed of all choices", str(row.seed)],
        ["events in the log", f"{row.as_of_event:,}"],
        ["check it", f"galapagos verify {row.id}"],
    ]
    return facts + [[name, str(value)] for name, value in sorted(data.machine.items())]
