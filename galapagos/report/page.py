"""The page of a report: figures and charts put into its template.

Everything that a candidate, a model or a problem wrote is escaped by the template; pictures are shown as images, in
which nothing can run.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from itertools import accumulate
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from database.engine import Database
from database.for_people import raw
from evolution.evaluation import Tier
from evolution.problem import FeatureAxis
from evolution.proposal import Operator
from galapagos.progress import NOT_ISOLATED, dollars_text, duration_text, score_text
from galapagos.report import charts, tables
from galapagos.report.data import RunData, gather
from galapagos.report.diffs import DiffLine, diff_programs
from galapagos.report.story import Step, tell

NO_FILES: Mapping[str, str] = {}
HERE = Path(__file__).parent
KNOWN_ABOUT = (
    "Reference values that the problem names, and how this run's best compares. Recomputed ones were measured or proved by "
    "the problem's author; the others are quoted. The chart above has lines for those that lie near the run's scores."
)
KNOWN_KEYS = {True: ("dash", "known value, recomputed"), False: ("dot", "known value, quoted")}


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
    score_isolated: bool
    strategy: str
    seed: int
    started: str
    tiles: list[Tile]
    score_about: str
    score_chart: Markup
    operators_seen: list[str]
    known: list[tables.KnownRow]
    known_about: str
    known_keys: list[tuple[str, str]]
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
    models: list[list[str]]
    spend: list[list[str]]
    facts: list[list[str]]
    best_files: list[SourceFile]


async def write_report(database: Database, run: int, path: Path) -> Path:
    """Write the report of a run as it is now, whole or not at all, and return its path.

    Raises:
        NotFound: no such run.
    """
    text = render(await gather(database, run))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.write_text(text)
    return aside.replace(path)


def render(data: RunData) -> str:
    """The report as HTML that needs nothing else: no script, no font, no address."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((HERE / "page.html.jinja").read_text())
    return template.render(page=page_of(data), style=Markup((HERE / "page.css").read_text()))  # noqa: S704 - our own file


def page_of(data: RunData) -> Page:
    """The content of the page."""
    row, definition = data.live.row, data.problem.definition
    steps, about = tell(data)
    best: Mapping[str, str] = data.lineage[-1].files if data.lineage else NO_FILES
    references = [charts.Reference(known.name, known.value, known.recomputed) for known in definition.known]
    return Page(
        run=row.id,
        problem=definition.name,
        title=definition.title,
        ended=_ended(data),
        tier=f"tier {row.tier.value}",
        reduced=row.tier is Tier.PLAIN,
        score_isolated=definition.score_isolated,
        strategy=row.config.strategy.value.replace("_", " "),
        seed=row.seed,
        started=f"{row.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        tiles=_tiles(data),
        score_about=_score_about(data),
        score_chart=_score_chart(data, references),
        operators_seen=sorted({point.operator.value for point in data.points} - {Operator.SEED.value}),
        known=tables.known(data),
        known_about=KNOWN_ABOUT,
        known_keys=[KNOWN_KEYS[basis] for basis in sorted({reference.recomputed for reference in references}, reverse=True)],
        picture=_picture(data.best_verified.picture if data.best_verified else None),
        verified_about=_verified_about(data),
        stages=_stages(data),
        archives=_archives(data),
        archive_about=_archive_about(definition.axes),
        lineage=steps,
        lineage_about=about,
        seed_diff=diff_programs(data.lineage[0].files, best) if len(data.lineage) > 1 else [],
        operators=tables.operators(data),
        refusals=tables.refusals(data),
        verdicts=tables.verdicts(data),
        models=tables.models(data),
        spend=tables.spend(data),
        facts=tables.facts(data),
        best_files=[SourceFile(path, text) for path, text in sorted(best.items())],
    )


def _ended(data: RunData) -> str:
    row = data.live.row
    return f"{row.state.value}: {row.stop_detail or row.stop_reason.value}" if row.stop_reason else row.state.value


def _tiles(data: RunData) -> list[Tile]:
    live, sign = data.live, data.problem.definition.score.sign
    seed_verified = data.seed_verified.outcome.score if data.seed_verified and data.seed_verified.outcome else None
    seconds = live.row.active_s
    tiles = [
        Tile("verified best", score_text(raw(live.verified_score, sign)), _verified_note(data)),
        Tile(
            "best in the search",
            score_text(raw(live.best_score, sign)),
            f"program {live.best}" if live.best is not None else "",
        ),
        Tile("seed program", score_text(raw(live.seed_score, sign)), f"verified {score_text(raw(seed_verified, sign))}"),
        Tile("evaluations", f"{live.evaluations:,}", f"{live.evaluations / seconds:.1f} per second" if seconds > 0 else ""),
        Tile("active time", duration_text(seconds), f"{live.programs:,} programs"),
    ]
    account = live.row.account
    if live.row.config.models:
        tokens = account.tokens_in + account.tokens_out
        tiles.append(Tile("spent on models", dollars_text(account.spent_micro_dollars), f"{tokens:,} tokens"))
    return tiles


def _verified_note(data: RunData) -> str:
    definition = data.problem.definition
    note = definition.score.unit or "fresh seeds, fresh sandbox"
    return note if definition.score_isolated else f"{note} · {NOT_ISOLATED}"


def _score_about(data: RunData) -> str:
    score = data.problem.definition.score
    what = f"{score.name}{f' in {score.unit}' if score.unit else ''}; {'larger' if score.sign > 0 else 'smaller'} is better."
    shown = (
        "Every scored program is a dot"
        if data.points_are_all
        else f"{len(data.points):,} scored programs, evenly taken, are dots"
    )
    return f"{what} {shown}; those far worse than the rest lie on the edge of the frame."


def _score_chart(data: RunData, references: list[charts.Reference]) -> Markup:
    sign = data.problem.definition.score.sign
    dots = [charts.Dot(point.number, sign * point.score, point.operator.value) for point in data.points]
    # Programs come back a little out of order, the best so far never falls back.
    places = accumulate((record.number for record in data.records), max)
    best = [(place, sign * record.score) for place, record in zip(places, data.records, strict=True)]
    last = max([dot.place for dot in dots] + [place for place, _ in best], default=1)
    return Markup(charts.score_chart(dots, best, references, last))  # noqa: S704 - made of numbers and escaped text


def _picture(svg: str | None) -> str | None:
    return None if svg is None else f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _verified_about(data: RunData) -> str:
    found = data.best_verified
    if found is None:
        return "The best program has not been verified."
    if found.outcome is None:
        return f"The best program could not be verified: {found.host_fault or 'the verification is not finished'}."
    if found.outcome.score is None:
        return f"The best program failed its verification: {found.outcome.verdict.value}."
    return "Measured again in a fresh sandbox on fresh seeds. Hidden stages run only now; the search never saw them."


def _stages(data: RunData) -> list[list[str]]:
    if data.best_verified is None or data.best_verified.outcome is None:
        return []
    sign = data.problem.definition.score.sign
    rows: list[list[str]] = []
    for stage in data.best_verified.outcome.stages:
        numbers = ", ".join(f"{name} {value:.5g}" for name, value in sorted(stage.metrics.items()))
        spread = f"{min(stage.samples):.6g} to {max(stage.samples):.6g}" if len(stage.samples) > 1 else ""
        name = f"{stage.stage} (hidden)" if stage.hidden else stage.stage
        rows.append(
            [
                name,
                stage.verdict.value,
                score_text(raw(stage.score, sign)),
                spread,
                numbers,
                f"{stage.duration_s:.2f}\N{NO-BREAK SPACE}s",
            ]
        )
    return rows


def _archives(data: RunData) -> list[ArchiveFigure]:
    axes, sign = data.problem.definition.axes, data.problem.definition.score.sign
    if not data.elites or not axes:
        return []
    islands: dict[int, dict[tuple[int, ...], float]] = defaultdict(dict)
    for elite in data.elites:
        islands[elite.island][elite.cell] = elite.score
    scores = sorted(elite.score for elite in data.elites)
    low, high = scores[len(scores) // 20], scores[-1]
    return [
        ArchiveFigure(
            f"island {island + 1} · {len(cells)} cells filled · best {score_text(raw(max(cells.values()), sign))}",
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
