import pytest
import sqlalchemy as sa

from database import archive, completions, evaluations, events, proposals, run_lists, runs, views
from database.archive import Elite, Record
from database.engine import Database
from database.errors import NotFound
from database.evaluations import FinishedEvaluation
from database.proposals import NewRefusal
from database.views import Tally
from evolution.evaluation import EvaluationState, Tier, Verdict
from evolution.events import Admitted, Event, Proposed, Refused
from evolution.proposal import Operator, Refusal
from evolution.run import RunState
from tests.conftest import CountStatements
from tests.database.scene import (
    PROPENSITY,
    answered,
    asked,
    child,
    choice,
    claimed,
    claimed_evaluations,
    finished,
    machine,
    new_run,
    outcome,
    toy_problem,
)


def proposed(number: int, operator: Operator = Operator.MUTATE, parent: int = 0) -> Proposed:
    return Proposed(
        number=number,
        operator=operator,
        island=0,
        parent=parent,
        parent_score=0.0,
        inspirations=(),
        model=None,
        tuning=None,
        propensity=PROPENSITY,
        progress=0.0,
    )


def admitted(number: int, verdict: Verdict, score: float | None) -> Admitted:
    return Admitted(
        number=number,
        program=number,
        evaluation=number,
        verdict=verdict,
        score=score,
        features=None,
        length=1,
        literals=1,
        cell=None,
        placement="no_score",
    )


async def small_run(database: Database) -> int:
    """The seed scores 2; program 1 (of the seed) 3, 2 crashed, 3 (of 1) 1; proposal 4 was refused, 5 is in flight."""
    run = await new_run(database, problem=toy_problem(direction="minimize"))
    await answered(database, run, 1, 2)
    await finished(database, {0: 2.0, 1: 3.0, 2: None})
    await asked(database, run, 3, what=choice(Operator.TUNE, parent=1))
    await asked(database, run, 4, 5)
    three, four, five = await claimed(database)
    async with database.begin() as connection:
        await proposals.answer_many(connection, [(three, child("x = 33")), (five, child("x = 55"))])
        await proposals.refuse(connection, [NewRefusal(four.lease, Refusal.NO_CHANGE)])
    (item, *_) = await claimed_evaluations(database, 1)
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        await evaluations.finish(connection, [FinishedEvaluation(item.lease, outcome(1.0), 0.1, fingerprint)])
        log: list[Event] = [
            admitted(0, Verdict.SCORED, 2.0),
            *(proposed(number) for number in (1, 2)),
            admitted(1, Verdict.SCORED, 3.0),
            admitted(2, Verdict.CRASHED, None),
            proposed(3, Operator.TUNE, 1),
            *(proposed(number) for number in (4, 5)),
            admitted(3, Verdict.SCORED, 1.0),
            Refused(number=4, reason=Refusal.NO_CHANGE),
        ]
        await events.append(connection, run, 0, log)
        await proposals.close(connection, run, [(0, 1), (1, 4), (2, 5), (3, 9), (4, 10)])
        await archive.add_scored(connection, run, [(0, 0), (1, 1), (2, 3)])
        state = {"evaluations": 4, "best": [1, 3.0, 2], "verified": [[0, 2.5], [2, None], [1, 2.75]]}
        await archive.save(connection, run, 10, state, [Elite(0, (1, 1), 1, 3.0, 5, 1, 4), Elite(1, (0, 2), 0, 2.0, 5, 1, 1)])
        await archive.add_records(connection, run, [Record(0, 2.0, 1, 0.1, 0), Record(1, 3.0, 2, 0.2, 0)])
        epoch = await runs.adopt(connection, run)
        await runs.save_pass(connection, run, epoch, as_of_event=10, active_s=2.5, state=RunState.RUNNING)
    return run


async def test_a_run_as_it_stands(database: Database, count_statements: CountStatements) -> None:
    empty = await new_run(database)
    async with database.begin() as connection:
        found = await views.live(connection, empty)
        assert (found.evaluations, found.programs, found.best, found.verified_score, found.rate) == (0, 1, None, None, 0.0)
        assert (found.seed_score, found.cells) == (None, {})
        with pytest.raises(NotFound):
            await views.live(connection, 999)
    run = await small_run(database)
    with count_statements() as statements:
        async with database.begin() as connection:
            found = await views.live(connection, run)
    assert len(statements) == 3
    assert (found.row.id, found.evaluations, found.programs, found.seed_score) == (run, 4, 5, 2.0)
    assert (found.best, found.best_score, found.verified, found.verified_score) == (1, 3.0, 1, 2.75)
    assert found.cells == {0: 1, 1: 1}
    assert 0 < found.rate <= 4


async def test_a_tally_of_stretches_adds_up_to_the_tally_of_all(database: Database) -> None:
    run = await small_run(database)
    async with database.begin() as connection:
        whole = await views.tally(connection, run)
        first = await views.tally(connection, run, until=4)
        rest = await views.tally(connection, run, after=4)
        assert await views.tally(connection, run, after=10) == []
    assert set(whole) == {
        Tally(Operator.SEED, Verdict.SCORED, None, 1, 0),
        Tally(Operator.MUTATE, None, None, 4, 0),
        Tally(Operator.MUTATE, Verdict.SCORED, None, 1, 1),
        Tally(Operator.MUTATE, Verdict.CRASHED, None, 1, 0),
        Tally(Operator.MUTATE, None, Refusal.NO_CHANGE, 1, 0),
        Tally(Operator.TUNE, None, None, 1, 0),
        Tally(Operator.TUNE, Verdict.SCORED, None, 1, 0),
    }
    assert sum(item.count for item in first) + sum(item.count for item in rest) == sum(item.count for item in whole) == 10


async def test_the_parts_of_a_report(database: Database) -> None:
    run = await small_run(database)
    async with database.begin() as connection:
        assert [record.score for record in await views.records(connection, run)] == [2.0, 3.0]
        assert [(elite.island, elite.cell, elite.number) for elite in await views.elites(connection, run)] == [
            (0, (1, 1), 1),
            (1, (0, 2), 0),
        ]
        line = await views.lineage(connection, run, 3)
        assert await views.lineage(connection, run, 4) == []
    assert [(step.number, step.operator, step.score) for step in line] == [
        (0, Operator.SEED, 2.0),
        (1, Operator.MUTATE, 3.0),
        (3, Operator.TUNE, 1.0),
    ]
    assert line[-1].files == {"program.py": "x = 33"}


async def test_points_are_bounded_and_evenly_spaced(database: Database) -> None:
    empty = await new_run(database)
    run = await small_run(database)
    async with database.begin() as connection:
        assert await views.points(connection, empty) == ([], True)
        found, every = await views.points(connection, run)
        assert every
        assert [(point.place, point.number, point.score, point.operator) for point in found] == [
            (0, 0, 2.0, Operator.SEED),
            (1, 1, 3.0, Operator.MUTATE),
            (2, 3, 1.0, Operator.TUNE),
        ]
        insert = "INSERT INTO scored SELECT :run, n, n % 2, 0, n FROM generate_series(3, 999) n"
        await connection.execute(sa.text(insert), {"run": run})
        found, every = await views.points(connection, run, limit=10)
    assert not every
    assert [point.place for point in found] == list(range(0, 1000, 100))


async def test_a_verification_with_its_picture_and_machine(database: Database) -> None:
    run = await small_run(database)
    await finished(database, {})
    async with database.begin() as connection:
        assert await views.verification(connection, run, 1) is None
        await evaluations.ask_verification(connection, run, [1])
        waiting = await views.verification(connection, run, 1)
    assert waiting is not None
    assert (waiting.state, waiting.outcome, waiting.picture, waiting.machine) == (EvaluationState.QUEUED, None, None, None)
    (item,) = await claimed_evaluations(database)
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        await evaluations.finish(connection, [FinishedEvaluation(item.lease, outcome(2.75), 0.1, fingerprint, "<svg/>")])
        found = await views.verification(connection, run, 1)
    assert found is not None
    assert found.outcome == outcome(2.75) or found.outcome is not None
    assert (found.picture, found.machine) == ("<svg/>", {"cpu": "toy", "cores": 2})
    assert found.outcome is not None
    assert found.outcome.score == 2.75


async def test_money_by_model(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1, what=choice(Operator.DIFF, model="m"))
    (item,) = await claimed(database)
    async with database.begin() as connection:
        for failure in (None, "429"):
            reserved = await completions.reserve(connection, item, model="m", template="t", prompt="p", micro_dollars=50)
            assert isinstance(reserved, int)
            await completions.settle(
                connection,
                reserved,
                answer=None if failure else "a",
                failure=failure,
                finish_reason=None,
                tokens_in=10,
                tokens_out=5,
                micro_dollars=20,
                latency_s=2.0,
            )
        assert await views.model_spend(connection, run) == [views.ModelSpend("m", 2, 1, 20, 10, 40, 2.0)]


async def test_the_list_of_runs_is_one_statement(database: Database, count_statements: CountStatements) -> None:
    first = await new_run(database, tier=Tier.NAMESPACES)
    second = await small_run(database)
    with count_statements() as statements:
        async with database.begin() as connection:
            newest, oldest = await run_lists.list_runs(connection)
    assert len(statements) == 1
    assert (newest.id, newest.sign, newest.evaluations, newest.best_score, newest.verified_score) == (
        second,
        -1.0,
        4,
        3.0,
        2.75,
    )
    assert (oldest.id, oldest.sign, oldest.best_score, oldest.tier, oldest.title) == (first, 1.0, None, Tier.NAMESPACES, "Toy")
    async with database.begin() as connection:
        assert [line.id for line in await run_lists.list_runs(connection, limit=1)] == [second]
