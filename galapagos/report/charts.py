"""The charts of the report: scores over evaluations, and archives as heat maps. All scores here are raw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolution.problem import FeatureAxis, Scale
from galapagos.report import svg

WIDTH, HEIGHT = 920.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 20.0, 26.0, 40.0
LABEL_GAP = 13.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A scored program: the number of its proposal, its raw score and the operator that made it."""

    place: int
    score: float
    operator: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A horizontal line at a known value; `recomputed` ones are drawn heavier than those taken from a source."""

    name: str
    score: float
    recomputed: bool


def score_chart(dots: Sequence[Dot], best: Sequence[tuple[int, float]], references: Sequence[Reference], last: int) -> str:
    """Every scored program as a dot, the best so far as steps, and known values as lines.

    Args:
        dots: all scored programs, or an even sample of them.
        best: (number of the proposal, raw score) at each new best, in order.
        references: lines to draw; those far from every score are left out.
        last: number of the last proposal, where the horizontal axis ends.
    """
    low, high = _frame(dots, best, references)
    across = svg.Line(0, max(last, 1), LEFT, WIDTH - RIGHT)
    up = svg.Line(low, high, HEIGHT - BOTTOM, TOP)
    operators = sorted({dot.operator for dot in dots})
    clouds = [
        svg.dots([(across(dot.place), up(dot.score)) for dot in dots if dot.operator == operator], f"op-{operator}")
        for operator in operators
    ]
    line = svg.steps([(across(count), up(score)) for count, score in best], across(last), "best-line")
    end = svg.element("circle", cx=across(best[-1][0]), cy=up(best[-1][1]), r=4.5, class_="best-end") if best else ""
    grid = _grid(across, up)
    return svg.drawing(
        WIDTH, HEIGHT, "Score of every program and best so far", *grid, *clouds, *_references(references, up), line, end
    )


def _frame(dots: Sequence[Dot], best: Sequence[tuple[int, float]], references: Sequence[Reference]) -> tuple[float, float]:
    """The range of scores to show: all bests, near references, and the middle half of the dots as far as it is near."""
    scores = sorted(dot.score for dot in dots)
    middle = scores[len(scores) // 4 : len(scores) - len(scores) // 4]
    bests = [score for _, score in best] or middle or [reference.score for reference in references] or [0.0]
    low, high = min(bests), max(bests)
    if high > low and middle:
        low, high = min(low, max(middle[0], low - (high - low))), max(high, min(middle[-1], high + (high - low)))
    span = (high - low) or abs(high) or 1.0
    for reference in references:
        if low - span <= reference.score <= high + span:
            low, high = min(low, reference.score), max(high, reference.score)
    margin = 0.06 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _grid(across: svg.Line, up: svg.Line) -> list[str]:
    marks: list[str] = []
    for value in svg.ticks(up.low, up.high):
        y = up(value)
        marks.append(svg.element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        marks.append(svg.label(LEFT - 8, y + 4, svg.short(value), anchor="end"))
    marks += [
        svg.label(across(value), HEIGHT - BOTTOM + 18, svg.short(value)) for value in svg.ticks(across.low, across.high, 8)
    ]
    marks.append(svg.element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM, class_="axis"))
    marks.append(svg.label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "proposals", "axis-name"))
    return marks


def _references(references: Sequence[Reference], up: svg.Line) -> list[str]:
    """Dashed lines; those that lie too close for a label each share one."""
    marks: list[str] = []
    shown = sorted((item for item in references if up.low <= item.score <= up.high), key=lambda item: item.score)
    labels: list[tuple[float, list[str]]] = []
    for reference in shown:
        y = up(reference.score)
        marks.append(
            svg.element(
                "line",
                x1=LEFT,
                x2=WIDTH - RIGHT,
                y1=y,
                y2=y,
                class_="reference" if reference.recomputed else "reference quoted",
            )
        )
        words = f"{reference.name} {svg.short(reference.score, 7)}"
        if labels and labels[-1][0] - y < LABEL_GAP:
            labels[-1] = (y, [*labels[-1][1], words])
        else:
            labels.append((y, [words]))
    return marks + [svg.label(WIDTH - RIGHT - 4, y - 5, " · ".join(words), "reference-name", "end") for y, words in labels]


CELL = 23.0
HEAT_LEFT, HEAT_TOP, HEAT_BOTTOM = 74.0, 8.0, 46.0


def archive_chart(
    cells: Mapping[tuple[int, ...], float], axes: Sequence[FeatureAxis], best: tuple[int, ...] | None, low: float, high: float
) -> str:
    """One island's archive: a square a cell, darker for better; further axes than two are folded by their best elite.

    Args:
        cells: goodness of each filled cell's elite (higher is better), by coordinates.
        axes: of the problem.
        best: the cell to be outlined.
        low: goodness that gets the faintest colour.
        high: goodness that gets the strongest.
    """
    across, down = axes[0], axes[1] if len(axes) > 1 else None
    rows = down.cells if down else 1
    size = max(6.0, min(CELL, 430.0 / max(across.cells, 1), 300.0 / rows))
    folded: dict[tuple[int, int], float] = {}
    for cell, goodness in cells.items():
        place = (cell[0], cell[1] if down else 0)
        folded[place] = max(folded.get(place, goodness), goodness)
    width, height = HEAT_LEFT + across.cells * size + 12, HEAT_TOP + rows * size + HEAT_BOTTOM
    squares = [
        _square(column, row, size, rows) for column in range(across.cells) for row in range(rows) if (column, row) not in folded
    ]
    for (column, row), goodness in sorted(folded.items()):
        share = (goodness - low) / (high - low) if high > low else 1.0
        outlined = best is not None and (column, row) == (best[0], best[1] if down else 0)
        squares.append(_square(column, row, size, rows, 0.12 + 0.88 * min(max(share, 0.0), 1.0), outlined))
    return svg.drawing(width, height, "Archive of an island", *squares, *_heat_axes(across, down, size, rows))


def _square(column: int, row: int, size: float, rows: int, strength: float | None = None, outlined: bool = False) -> str:
    x, y = HEAT_LEFT + column * size, HEAT_TOP + (rows - 1 - row) * size
    class_ = "cell-empty" if strength is None else "cell-best" if outlined else "cell"
    return svg.element(
        "rect",
        x=x + 0.5,
        y=y + 0.5,
        width=size - 1,
        height=size - 1,
        rx=2,
        class_=class_,
        fill_opacity=strength or 1,
    )


def _heat_axes(across: FeatureAxis, down: FeatureAxis | None, size: float, rows: int) -> list[str]:
    bottom = HEAT_TOP + rows * size
    marks = [
        svg.label(HEAT_LEFT + index * size, bottom + 16, svg.short(edge(across, index), 3)) for index in _some(across.cells)
    ]
    marks.append(svg.label(HEAT_LEFT + across.cells * size / 2, bottom + 36, _axis_name(across), "axis-name"))
    if down:
        marks += [
            svg.label(HEAT_LEFT - 6, bottom - index * size + 4, svg.short(edge(down, index), 3), anchor="end")
            for index in _some(down.cells)
        ]
        middle = HEAT_TOP + rows * size / 2
        name = svg.label(0, 0, _axis_name(down), "axis-name")
        marks.append(svg.element("g", name, transform=f"translate(14 {svg.number(middle)}) rotate(-90)"))
    return marks


def _some(cells: int) -> list[int]:
    """Edges to label: few enough to be read, the first and the last among them."""
    count = min(cells, 4)
    return sorted({round(index * cells / count) for index in range(count + 1)})


def _axis_name(axis: FeatureAxis) -> str:
    words = axis.feature.replace("_", " ")
    return f"{words} (log)" if axis.scale is Scale.LOG else words


def edge(axis: FeatureAxis, index: int) -> float:
    """The lower bound of an axis's cell `index`, in the problem's units; `index = cells` gives the upper end."""
    share = index / axis.cells
    if axis.scale is Scale.LOG:
        return axis.low * (axis.high / axis.low) ** share
    return axis.low + (axis.high - axis.low) * share
