import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape

from database.engine import Database
from database.errors import NotFound
from galapagos.report.page import write_report
from galapagos.report.svg import Line, element, short, steps, ticks
from galapagos.standing import StandingReader
from galapagos.verification import verify_run
from tests.galapagos.filled_run import EVIL, evil_problem, fill


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


async def _page(url: str, path: Path, direction: str) -> tuple[str, _Page]:
    async with Database(url) as database:
        run = await fill(database, evil_problem(direction))
        await write_report(database, run, path)
    return _parsed(path)


def _parsed(path: Path) -> tuple[str, _Page]:
    page = _Page()
    text = path.read_text()
    page.feed(text)
    return text, page


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
async def test_the_report_holds_all_parts_and_nothing_that_runs(database_url: str, tmp_path: Path, direction: str) -> None:
    text, page = await _page(database_url, tmp_path / "deep" / "report.html", direction)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "form"}
    attributes = [name for _, given in page.tags for name in given]
    assert [name for name in attributes if name.startswith("on")] == []
    outside = [value for _, given in page.tags for name, value in given.items() if name in {"src", "href"} and value]
    assert outside
    assert [value[:30] for value in outside if not value.startswith("data:image/svg+xml;base64,")] == []
    assert "url(" not in text
    words = "".join(page.words)
    for heading in (
        "Score",
        "Verified result",
        "Archive",
        "How the best came to be",
        "What changed since the seed",
        "Operators",
        "Refusals",
    ):
        assert heading in words
    assert EVIL in words
    assert "reduced isolation" in words
    assert "syntax_error" in words
    assert "crashed" in words


async def test_raw_scores_have_the_sign_of_the_problem(database_url: str, tmp_path: Path) -> None:
    text, _ = await _page(database_url, tmp_path / "report.html", "minimize")
    tiles = dict(re.findall(r'<p class="name">([^<]*)</p><p class="value">([^<]*)</p>', text))
    assert tiles["seed program"].startswith("-1")
    assert float(tiles["best in the search"].split()[0]) < -1


@pytest.mark.parametrize(
    ("direction", "order", "compared"),
    [("maximize", ["far", "evil", "ours"], "worse"), ("minimize", ["ours", "evil", "far"], "better")],
)
async def test_known_values_stand_beside_the_best_of_the_run(
    database_url: str, tmp_path: Path, direction: str, order: list[str], compared: str
) -> None:
    text, _ = await _page(database_url, tmp_path / "report.html", direction)
    section = text.partition("<h2>Known values</h2>")[2].partition("</section>")[0]
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr.*?</tr>", section)[1:]]
    names = {"far away": "far", "this run&#39;s verified best": "ours", escape(EVIL): "evil"}
    assert [names[row[0]] for row in rows] == order
    named = {names[row[0]]: row for row in rows}
    assert named["far"][1].startswith("1000000000 ")
    assert named["far"][3:] == ["A paper, table 2", "2024-05", "recomputed"]
    assert named["evil"][3:] == ["nowhere", "", "quoted"]
    assert [named[name][2].split()[-1] for name in ("far", "evil")] == [compared, compared]


async def test_the_chart_draws_known_values_that_lie_near(database_url: str, tmp_path: Path) -> None:
    text, _ = await _page(database_url, tmp_path / "report.html", "maximize")
    chart = text.partition("<h2>Score</h2>")[2].partition("</svg>")[0]
    assert chart.count('class="reference quoted"') == 1
    assert 'class="reference"' not in chart, "a value of another order of magnitude would flatten the curve"


async def test_the_standing_of_a_run_is_followed(database_url: str) -> None:
    async with Database(database_url) as database:
        run = await fill(database, evil_problem())
        reader = StandingReader(database, run)
        first, again = await reader.read(), await reader.read()
        assert first.evaluations == again.evaluations == 60
        assert first.operators == again.operators
        assert first.verified_score is not None
        assert first.cells_filled > 0
        assert first.curve[-1][1] == first.best_score
        [mutate] = first.operators
        assert mutate.name == "mutate"
        assert mutate.asked == 59 + mutate.refused


async def test_an_honest_run_verifies(database_url: str) -> None:
    async with Database(database_url) as database:
        run = await fill(database, evil_problem())
        found = await verify_run(database, run)
        assert found.differences == []
        assert found.events > 100
        assert found.elites > 0


async def test_a_run_that_is_not_there_is_said(database_url: str, tmp_path: Path) -> None:
    async with Database(database_url) as database:
        with pytest.raises(NotFound, match="no run 5"):
            await write_report(database, 5, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_marks_are_escaped() -> None:
    assert element("text", class_='a"><script>') == '<text class="a&quot;&gt;&lt;script&gt;"/>'


def test_ticks_are_round_and_within() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(3.0, 3.0) == [3.0]
    for low, high in ((1.9, 2.64), (-5e-7, 3e-7), (1e6, 9e6)):
        found = ticks(low, high)
        assert 3 <= len(found) <= 9
        assert all(low - 1e-12 <= value <= high + 1e-12 for value in found)


def test_lines_keep_values_within_the_frame() -> None:
    scale = Line(1, 100, 0, 10, log=True)
    assert scale(10) == pytest.approx(5)
    assert scale(-3) == 0
    assert scale(1e9) == 10
    assert Line(2, 2, 0, 10)(2) == 5


def test_steps_keep_their_height() -> None:
    assert steps([(0, 5), (10, 3)], 20, "c") == '<path d="M0 5H10V3H20" class="c"/>'


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1200, "1,200"), (2.6359831, "2.636"), (1e-7, "1e-07"), (-3.5, "-3.5")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
