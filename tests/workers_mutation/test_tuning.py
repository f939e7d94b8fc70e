"""Tuning moves literals only, follows from the run's seed, and is rebuilt from scores alone."""

import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution.evolve_blocks import check_only_blocks_changed
from evolution.language import Language
from tests.workers_mutation.samples import PARENTS, RULE
from workers.mutation.mutant import Parsed, read_program
from workers.mutation.tuning import MOST_LITERALS, Literal, TuningSession, literals_of

PARSED = {name: read_program(files, language) for name, (files, language) in PARENTS.items()}
NUMBER = re.compile(r"\(?-?\b\d+(\.\d*)?([eE][-+]?\d+)?\)?")


def without_numbers(parsed_files: dict[str, str]) -> dict[str, str]:
    return {path: NUMBER.sub("#", text) for path, text in parsed_files.items()}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(PARENTS)), st.integers(0, 10**6))
def test_all_but_literals_stays(name: str, session_number: int) -> None:
    parent = PARSED[name]
    session = TuningSession(parent, 3, session_number, 6)
    assert 1 <= len(session.literals) <= MOST_LITERALS
    for index in range(6):
        candidate = session.candidate(index)
        assert without_numbers(dict(candidate.files)) == without_numbers(dict(parent.files))
        assert check_only_blocks_changed(parent.files, candidate.files) is None
        kinds = [type(literal.value) for literal in literals_of(parent)]
        assert [type(literal.value) for literal in literals_of(read_program(candidate.files, parent.language))] == kinds


def test_it_is_rebuilt_from_the_scores() -> None:
    live = TuningSession(PARSED["rule"], 3, 11, 6)
    told: list[list[float | None]] = []
    for generation in range(5):
        scores = [None if index == 2 else -float(len(live.candidate(index).files["rule.py"])) + index for index in range(6)]
        told.append(scores)
        live.tell(scores)
        rebuilt = TuningSession(read_program(*PARENTS["rule"]), 3, 11, 6)
        for earlier in told:
            rebuilt.tell(earlier)
        assert rebuilt.generation == generation + 1
        assert [rebuilt.candidate(index) for index in range(6)] == [live.candidate(index) for index in range(6)]


def test_seed_and_session_choose_literals_and_steps() -> None:
    chosen = {tuple(literal.start for literal in TuningSession(PARSED["inner"], 3, number, 6).literals) for number in range(20)}
    assert len(chosen) > 5
    firsts = {TuningSession(PARSED["rule"], seed, 4, 6).candidate(0).files["rule.py"] for seed in range(10)}
    assert len(firsts) == 10


def quadratic() -> Parsed:
    values = ", ".join(f"{value}" for value in (0.5, -0.25, 0.91, 1e-3, 3.0, 0.0))
    text = f"# EVOLVE-BLOCK-START\nVALUES = [{values}]\n# EVOLVE-BLOCK-END\n"
    return read_program({"a.py": text}, Language.PYTHON)


def test_it_climbs() -> None:
    """A bowl in six literals of different size and scale: most of the distance goes within 100 generations."""
    target = (0.62, -0.21, 0.95, 2e-3, 3.4, 0.02)
    scale = (0.1, 0.05, 0.04, 1e-3, 0.5, 0.02)

    def score(files: dict[str, str]) -> float:
        values = ast.literal_eval(files["a.py"].split("\n")[1].removeprefix("VALUES = "))
        return -sum(((value - want) / unit) ** 2 for value, want, unit in zip(values, target, scale, strict=True))

    start = score(dict(quadratic().files))
    ends = []
    for number in range(3):
        session = TuningSession(quadratic(), 1, number, 9)
        for _ in range(100):
            scores = [score(dict(session.candidate(index).files)) for index in range(9)]
            session.tell(scores)
        ends.append(max(scores))
    assert all(end > 0.02 * start for end in ends), (start, ends)


def test_generations_without_any_score_are_survived() -> None:
    session = TuningSession(PARSED["rule"], 3, 1, 4)
    for _ in range(5):
        session.tell([None] * 4)
    assert session.candidate(3).files["rule.py"] != RULE


def test_without_literals_there_is_nothing_to_tune() -> None:
    bare = read_program({"a.py": "x = 1\n# EVOLVE-BLOCK-START\ny = x\n# EVOLVE-BLOCK-END\n"}, Language.PYTHON)
    with pytest.raises(ValueError, match="literal"):
        TuningSession(bare, 1, 1, 4)


@given(
    st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6)),
    st.floats(-50, 50),
    st.floats(1e-3, 1),
    st.sampled_from([1, 12, 15]),
)
def test_literals_keep_their_type(value: float, z: float, width: float, tight: int) -> None:
    text = Literal("a.py", 0, 1, value, tight).at(z, width)
    assert type(ast.literal_eval(text)) is type(value)
    assert text.startswith("(") == (tight == 15 and "-" in text.split("e")[0])
    assert ast.literal_eval(Literal("a.py", 0, 1, value, 1).at(0.0, width)) == pytest.approx(value, rel=1e-5)
