import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from database import evaluations, leases, program_views, proposals, runs
from database.engine import Database
from database.evaluations import FinishedEvaluation
from database.leases import MAX_ATTEMPTS, Expired, Lease, Queue
from evolution.evaluation import EvaluationState, Purpose, Tier, Verdict
from evolution.proposal import ProposalState, Refusal
from evolution.run import RunState
from tests.conftest import CountStatements
from tests.database.scene import (
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
    stale,
)


async def finish_one(database: Database, lease: Lease, score: float = 3.0, picture: str | None = None) -> frozenset[int]:
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        return await evaluations.finish(connection, [FinishedEvaluation(lease, outcome(score), 0.5, fingerprint, picture)])


async def test_evaluators_at_the_same_time_never_share_a_row_and_take_the_oldest_first(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, *range(1, 61))
    first = await claimed_evaluations(database, 5)
    assert [item.number for item in first] == [0, 1, 2, 3, 4]
    taken = await asyncio.gather(*(claimed_evaluations(database, 10) for _ in range(8)))
    numbers = [item.number for batch in taken for item in batch]
    assert sorted(numbers) == list(range(5, 61))


async def test_evaluators_take_only_their_tier_and_no_work_of_finished_runs(database: Database) -> None:
    confined = await new_run(database, tier=Tier.NAMESPACES)
    over, live = await new_run(database), await new_run(database)
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, over)
        await runs.save_pass(connection, over, epoch, as_of_event=0, active_s=0, state=RunState.FINISHED)
    assert [item.run for item in await claimed_evaluations(database)] == [live]
    assert [item.run for item in await claimed_evaluations(database, tier=Tier.NAMESPACES)] == [confined]


async def test_a_result_counts_once_and_only_for_who_holds_the_lease(database: Database) -> None:
    run = await new_run(database)
    (item,) = await claimed_evaluations(database)
    assert await finish_one(database, stale(item.lease)) == frozenset()
    assert await finish_one(database, item.lease, 3.0, "<svg>\0</svg>") == {item.lease.id}
    assert await finish_one(database, item.lease, 99.0) == frozenset()
    async with database.begin() as connection:
        (seed,) = await proposals.open_proposals(connection, run)
        assert (seed.score, seed.evaluation_state) == (3.0, EvaluationState.FINISHED)
        assert await evaluations.give_back(connection, item.lease, "late") is None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_a_number_that_is_not_finite_is_never_stored(database: Database, number: float) -> None:
    await new_run(database)
    (item,) = await claimed_evaluations(database)
    with pytest.raises(ValueError, match=r"finite|JSON compliant"):
        await finish_one(database, item.lease, number)
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        wrong = FinishedEvaluation(item.lease, outcome(1.0, features={"f": number}), 0.1, fingerprint)
        with pytest.raises(ValueError, match="JSON compliant"):
            await evaluations.finish(connection, [wrong])
        statement = "UPDATE evaluation SET verdict = 'scored', score = CAST(:score AS double precision)"
        with pytest.raises(sa.exc.IntegrityError, match="score_finite"):
            async with connection.begin_nested():
                await connection.execute(sa.text(statement), {"score": number})
        with pytest.raises(sa.exc.IntegrityError, match="score_iff_scored"):
            async with connection.begin_nested():
                await connection.execute(sa.text("UPDATE evaluation SET verdict = 'crashed', score = 1"))


async def test_a_host_fault_puts_the_evaluation_back_until_it_is_abandoned(database: Database) -> None:
    run = await new_run(database)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (item,) = await claimed_evaluations(database)
        assert item.attempt == attempt
        async with database.begin() as connection:
            state = await evaluations.give_back(connection, item.lease, f"the box broke\0 {attempt}")
        assert state is (EvaluationState.QUEUED if attempt < MAX_ATTEMPTS else EvaluationState.ABANDONED)
    assert await claimed_evaluations(database) == []
    async with database.begin() as connection:
        (seed,) = await proposals.open_proposals(connection, run)
        assert (seed.evaluation_state, seed.verdict, seed.score) == (EvaluationState.ABANDONED, None, None)
        assert await evaluations.last_host_fault(connection, run) == f"the box broke {MAX_ATTEMPTS}"


async def test_what_was_not_tried_is_never_abandoned(database: Database) -> None:
    await new_run(database)
    for _ in range(MAX_ATTEMPTS + 1):
        (item,) = await claimed_evaluations(database)
        assert item.attempt == 1
        async with database.begin() as connection:
            state = await evaluations.give_back(connection, item.lease, "every GPU is busy", tried=False)
        assert state is EvaluationState.QUEUED


async def test_seconds_of_gpus_add_up_over_all_attempts(database: Database) -> None:
    run = await new_run(database)
    (item,) = await claimed_evaluations(database)
    async with database.begin() as connection:
        await evaluations.give_back(connection, item.lease, "the device was lost", 1.5)
    (item,) = await claimed_evaluations(database)
    held = outcome(3.0)
    held = replace(held, stages=(replace(held.stages[0], gpu_s=0.25), held.stages[0]))
    async with database.begin() as connection:
        finished_now = FinishedEvaluation(item.lease, held, 0.5, await machine(connection))
        assert await evaluations.finish(connection, [finished_now]) == {item.lease.id}
        seconds = await connection.execute(sa.text("SELECT gpu_s FROM evaluation WHERE id = :id"), {"id": item.lease.id})
        assert seconds.scalar_one() == 1.75
        view = (await program_views.program(connection, run, 0)).evaluation
        assert view is not None
        assert view.outcome is not None
        assert [stage.gpu_s for stage in view.outcome.stages] == [0.25, 0.0]


async def test_no_host_fault_is_none(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        assert await evaluations.last_host_fault(connection, run) is None


async def test_verifications_are_queued_beside_the_search_evaluation_and_closed_apart(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1, 2)
    await finished(database, {})
    async with database.begin() as connection:
        await evaluations.ask_verification(connection, run, [2, 1])
    taken = await claimed_evaluations(database)
    assert [(item.number, item.purpose) for item in taken] == [(1, Purpose.VERIFY), (2, Purpose.VERIFY)]
    await finish_one(database, taken[0].lease, 7.0)
    async with database.begin() as connection:
        one, two = await evaluations.open_verifications(connection, run)
        assert (one.number, one.state, one.verdict, one.score) == (1, EvaluationState.FINISHED, Verdict.SCORED, 7.0)
        assert (two.number, two.state, two.verdict) == (2, EvaluationState.LEASED, None)
        await evaluations.close_verifications(connection, [(one.id, 40)])
        await evaluations.close_verifications(connection, [])
        assert [item.number for item in await evaluations.open_verifications(connection, run)] == [2]
        opened = {item.number: item for item in await proposals.open_proposals(connection, run)}
        assert opened[1].score == 1.0


async def test_a_heartbeat_keeps_what_is_held_and_tells_what_is_lost(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1)
    one, two = await claimed_evaluations(database, lease_s=0.0)
    async with database.begin() as connection:
        kept = await leases.extend(connection, Queue.EVALUATION, [one.lease, stale(two.lease)], 60)
        assert kept == {one.lease.id}
    async with database.begin() as connection:
        assert await leases.expire(connection) == Expired(0, 0, 1, 0)
    assert [item.number for item in await claimed_evaluations(database)] == [two.number]


async def test_overdue_proposals_go_back_and_are_refused_in_the_end(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (item,) = await claimed(database, lease_s=0.0)
        assert item.attempt == attempt
        async with database.begin() as connection:
            expected = Expired(1, 0, 0, 0) if attempt < MAX_ATTEMPTS else Expired(0, 1, 0, 0)
            assert await leases.expire(connection) == expected
            assert await proposals.answer(connection, item, child("x = 4")) == proposals.LeaseLost()
    assert await claimed(database) == []
    async with database.begin() as connection:
        opened = {item.number: item for item in await proposals.open_proposals(connection, run)}
    assert (opened[1].state, opened[1].refusal) == (ProposalState.REFUSED, Refusal.WORKER_LOST)


async def test_a_lease_that_runs_is_left_alone(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1)
    (item,) = await claimed(database, lease_s=0.0)
    async with database.begin() as connection:
        assert await leases.extend(connection, Queue.PROPOSAL, [item.lease], 60) == {item.lease.id}
    async with database.begin() as connection:
        assert await leases.expire(connection) == Expired(0, 0, 0, 0)
        assert await proposals.answer(connection, item, child("x = 4")) == proposals.Answered(1)


async def test_an_evaluation_whose_evaluators_die_is_abandoned_in_the_end(database: Database) -> None:
    run = await new_run(database)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (item,) = await claimed_evaluations(database, lease_s=0.0)
        async with database.begin() as connection:
            expected = Expired(0, 0, 1, 0) if attempt < MAX_ATTEMPTS else Expired(0, 0, 0, 1)
            assert await leases.expire(connection) == expected
        assert await finish_one(database, item.lease) == frozenset()
    async with database.begin() as connection:
        assert "died" in (await evaluations.last_host_fault(connection, run) or "")


async def test_statements_do_not_grow_with_the_batch(database: Database, count_statements: CountStatements) -> None:
    run = await new_run(database)
    counts: list[int] = []
    for first, size in ((1, 2), (10, 50)):
        await answered(database, run, *range(first, first + size))
        with count_statements() as statements:
            await finished(database, {})
            async with database.begin() as connection:
                await leases.expire(connection)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def finish_as(
    database: Database, fingerprint: bytes, scores: dict[int, float | None], twins: dict[int, int] | None = None
) -> None:
    """Claim all that is queued and finish it with this fingerprint; a score that is None is a crash."""
    taken = await claimed_evaluations(database)
    async with database.begin() as connection:
        found = await machine(connection)
        results: list[FinishedEvaluation] = []
        for item in taken:
            score = scores[item.number]
            judged = outcome(None, Verdict.CRASHED) if score is None else outcome(score)
            twin = (twins or {}).get(item.number)
            results.append(FinishedEvaluation(item.lease, judged, 0.1, found, fingerprint=fingerprint, twin=twin))
        assert len(await evaluations.finish(connection, results)) == len(taken)


async def test_a_twin_is_the_first_scored_program_of_the_run_that_the_choice_had_seen(database: Database) -> None:
    run, other = await new_run(database), await new_run(database)
    await answered(database, run, 1, 2, 3)
    async with database.begin() as connection:
        await proposals.ask(connection, run, [(8, 11, choice()), (9, 14, choice())])
        await proposals.ask(connection, other, [(9, 14, choice())])
    await finish_as(database, b"same", {0: None, 1: 5.0, 2: 6.0, 3: 7.0}, {1: 0})

    async def found(seen_run: int = run, number: int = 9, fingerprint: bytes = b"same") -> int | None:
        async with database.begin() as connection:
            twin = await evaluations.twin(connection, seen_run, number, fingerprint)
        return None if twin is None else twin.number

    assert await found() is None, "nothing is taken in yet"
    async with database.begin() as connection:
        await proposals.close(connection, run, [(number, 10 + number) for number in range(4)])
    # 0 crashed, 1 has its result of another, 2 came with event 12, 3 with event 13.
    assert await found() == 2
    assert await found(fingerprint=b"another") is None
    assert await found(seen_run=other) is None
    assert await found(number=8) is None, "its choice had seen 0 and 1 alone"
    async with database.begin() as connection:
        twin = await evaluations.twin(connection, run, 9, b"same")
        view = await program_views.program(connection, run, 1)
    assert twin is not None
    assert [(stage.stage, stage.score, stage.metrics) for stage in twin.stages] == [("score", 6.0, {"m": 1.5})]
    assert view.evaluation is not None
    assert view.evaluation.twin == 0
