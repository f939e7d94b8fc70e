import io
from dataclasses import replace

import pytest
from rich.console import Console

from evolution.run import Budget, RunState
from galapagos.progress import (
    LineProgress,
    LiveProgress,
    OperatorStanding,
    Standing,
    dollars_text,
    left_text,
    line,
    panel,
    progress_for,
    sparkline,
)

STANDING = Standing(
    run=3,
    problem="circles",
    title="Circles [bold]in[/bold] a square",
    unit="radii",
    state=RunState.RUNNING,
    stop_reason=None,
    stop_detail=None,
    score_isolated=True,
    tier="namespaces",
    seconds=75.0,
    evaluations=1000,
    programs=1100,
    rate=20.0,
    seed_score=2.01,
    best_number=44,
    best_score=2.4567,
    verified_score=2.4,
    cells_filled=31,
    cells=192,
    islands=2,
    micro_dollars=1_234_567,
    tokens=4200,
    gpu_milliseconds=1500,
    uses_models=True,
    budget=Budget(seconds=100, evaluations=2000),
    operators=(OperatorStanding("mutate", 900, 100, 700, 7), OperatorStanding("tune", 0, 0, 0, 0)),
    curve=((1, 2.01), (500, 2.2), (900, 2.4567)),
)


def _console(terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=120, force_terminal=terminal), out


def test_the_line_says_all_that_counts() -> None:
    text = line(STANDING)
    for part in ("1:15", "best 2.4567 radii", "verified 2.4", "seed 2.01", "1000 evaluations (20/s)", "31 cells on 2 islands"):
        assert part in text
    assert "$1.234567 spent" in text
    assert "0:25 left" in text
    assert "spent" not in line(replace(STANDING, uses_models=False))


def test_the_panel_shows_titles_as_they_are() -> None:
    console, out = _console()
    console.print(panel(STANDING))
    text = out.getvalue()
    assert "Circles [bold]in[/bold] a square · run 3" in text
    assert "1.0 % better than their parent" in text
    assert "31/192 cells" in text
    assert "reduced" not in text
    console.print(panel(replace(STANDING, tier="plain")))
    assert "reduced isolation" in out.getvalue()
    assert "Ctrl-C" not in out.getvalue()


def test_time_left_is_that_of_the_nearest_limit() -> None:
    assert left_text(STANDING) == "0:25 left"
    assert left_text(replace(STANDING, rate=100.0)) == "0:10 left"
    assert left_text(replace(STANDING, budget=Budget())) == "no limit of time"
    still = replace(STANDING, rate=0.0, evaluations=20, budget=Budget(evaluations=1500))
    assert left_text(still) == "1,480 evaluations left"
    assert left_text(replace(STANDING, state=RunState.FINISHING)) == "verifying the best"


def test_lines_are_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("galapagos.progress.time.monotonic", lambda: now)
    console, out = _console()
    with LineProgress(console) as progress:
        for count in range(10):
            progress.show(replace(STANDING, evaluations=count))
        assert len(out.getvalue().splitlines()) == 1
        progress.show(replace(STANDING, best_score=2.5))
        assert len(out.getvalue().splitlines()) == 2
        now = 102.5
        progress.show(replace(STANDING, best_score=2.5, evaluations=77))
        progress.show(replace(STANDING, best_score=2.5, evaluations=78))
        assert len(out.getvalue().splitlines()) == 3


def test_the_panel_is_for_terminals_only() -> None:
    assert isinstance(progress_for(_console(terminal=False)[0]), LineProgress)


def test_the_live_panel_draws_and_takes_itself_away() -> None:
    console, out = _console(terminal=True)
    with LiveProgress(console, "Ctrl-C ends it cleanly") as progress:
        progress.show(STANDING)
        progress.note("a [thing] happened")
    assert "best" in out.getvalue()
    assert "a [thing] happened" in out.getvalue()


def test_the_sparkline_rises_where_the_best_rose() -> None:
    text = sparkline(STANDING.curve, 1000, width=10)
    assert len(text) == 10
    assert text[0] == "▁"
    assert text[-1] == "█"
    assert list(text) == sorted(text)
    assert sparkline((), 10) == ""
    assert set(sparkline(((1, 2.0),), 10)) == {"▁"}


@pytest.mark.parametrize(("micro", "text"), [(0, "$0"), (1, "$0.000001"), (1_500_000, "$1.5"), (12_000_000, "$12")])
def test_money_is_exact(micro: int, text: str) -> None:
    assert dollars_text(micro) == text
