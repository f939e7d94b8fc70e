import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from database import programs, proposals, runs, tables
from database.engine import Database
from database.programs import NewProgram
from database.proposals import Answered, DuplicateOf, LeaseLost, NewRefusal
from evolution.evaluation import EvaluationState, Verdict
from evolution.proposal import Operator, ProposalState, Refusal, TuningStep
from evolution.run import RunState
from tests.conftest import CountStatements
from tests.database.scene import (
    answered,
    asked,
    child,
    choice,
    claimed,
    claimed_evaluations,
    count,
    finished,
    new_run,
    stale,
)


async def test_a_claim_carries_the_whole_choice_oldest_first(database: Database) -> None:
    run = await new_run(database)
    step = TuningStep(session=2, generation=1, index=3, population=4)
    async with database.begin() as connection:
        await proposals.ask(
            connection,
            run,
            [
                (1, 5, choice(Operator.CROSSOVER, 0, (0, 0, 0), "large", island=3)),
                (2, 6, choice(Operator.TUNE, 0, (), None, step)),
            ],
        )
    first, second = await claimed(database)
    assert (first.number, first.operator, first.parent, first.inspirations, first.model) == (
        1,
        Operator.CROSSOVER,
        0,
        (0, 0, 0),
        "large",
    )
    assert (first.seen_event, first.island, first.tuning, first.attempt, first.run_seed) == (5, 3, None, 1, 7)
    assert (second.number, second.tuning, second.run) == (2, step, run)
    assert await claimed(database) == []


async def test_a_claim_takes_only_the_kinds_asked_for_and_no_work_of_finished_runs(database: Database) -> None:
    over, live = await new_run(database), await new_run(database)
    await asked(database, over, 1)
    await asked(database, live, 1, what=choice(Operator.DIFF))
    await asked(database, live, 2)
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, over)
        await runs.save_pass(connection, over, epoch, as_of_event=0, active_s=0, state=RunState.FINISHED)
        taken = await proposals.claim(connection, "w", 10, 60, {Operator.MUTATE})
    assert [(item.run, item.number) for item in taken] == [(live, 2)]


async def test_claimers_at_the_same_time_never_share_a_row(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, *range(1, 101))
    taken = await asyncio.gather(*(claimed(database, 15, f"worker {index}") for index in range(8)))
    numbers = [item.number for batch in taken for item in batch]
    assert sorted(numbers) == list(range(1, 101))
    tokens = {item.lease.token for batch in taken for item in batch}
    assert len(tokens) == 100


async def test_an_answer_stores_the_program_and_queues_its_evaluation_once(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1)
    (item,) = await claimed(database)
    for _ in range(2):
        async with database.begin() as connection:
            assert await proposals.answer(connection, item, child("x = 2")) == Answered(1)
    async with database.begin() as connection:
        stored = await programs.load(connection, run, [0, 1, 2])
    assert stored.keys() == {0, 1}
    assert (stored[1].files, stored[1].parent, stored[1].generation, stored[1].island) == ({"program.py": "x = 2"}, 0, 1, 0)
    assert await count(database, tables.program) == 2
    assert await count(database, tables.evaluation) == 2


async def test_a_program_that_the_run_has_is_refused_and_named(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1)
    await asked(database, run, 2)
    (item,) = await claimed(database)
    for _ in range(2):
        async with database.begin() as connection:
            assert await proposals.answer(connection, item, child(f"x = {run}, 1")) == DuplicateOf(1)
    opened = await open_by_number(database, run)
    assert (opened[2].state, opened[2].refusal, opened[2].duplicate_of) == (ProposalState.REFUSED, Refusal.DUPLICATE, 1)
    assert (opened[2].program_id, opened[2].evaluation) == (opened[1].program_id, opened[1].evaluation)
    other = await new_run(database)
    await asked(database, other, 1)
    (item,) = await claimed(database)
    async with database.begin() as connection:
        assert await proposals.answer(connection, item, child(f"x = {run}, 1")) == Answered(1)


async def open_by_number(database: Database, run: int) -> dict[int, proposals.OpenProposal]:
    async with database.begin() as connection:
        return {item.number: item for item in await proposals.open_proposals(connection, run)}


async def test_of_equal_children_in_one_batch_the_lowest_number_stays(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1, 2, 3)
    taken = await claimed(database)
    async with database.begin() as connection:
        results = await proposals.answer_many(connection, [(item, child("x = 9")) for item in reversed(taken)])
    assert results == [DuplicateOf(1), DuplicateOf(1), Answered(1)]


async def test_equal_children_of_racing_workers_make_one_program(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, *range(1, 41))
    taken = await claimed(database)

    async def answer(batch: list[proposals.ClaimedProposal]) -> list[proposals.Answer]:
        async with database.begin() as connection:
            return await proposals.answer_many(connection, [(item, child(f"x = {item.number % 5}")) for item in batch])

    results = await asyncio.gather(*(answer(taken[place::8]) for place in range(8)))
    flat = [result for batch in results for result in batch]
    assert sum(isinstance(result, Answered) for result in flat) == 5
    assert sum(isinstance(result, DuplicateOf) for result in flat) == 35
    assert await count(database, tables.program) == 6
    assert await count(database, tables.evaluation) == 6


async def test_who_lost_the_lease_writes_nothing(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1)
    (item,) = await claimed(database)
    late = replace(item, lease=stale(item.lease))
    async with database.begin() as connection:
        assert await proposals.answer(connection, late, child("x = 2")) == LeaseLost()
        assert await proposals.refuse(connection, [NewRefusal(late.lease, Refusal.NO_CHANGE)]) == frozenset()
    opened = await open_by_number(database, run)
    assert opened[1].state is ProposalState.LEASED
    assert await count(database, tables.program) == 1


async def test_a_refusal_is_stored_with_its_reason_and_is_final(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1, 2)
    one, two = await claimed(database)
    async with database.begin() as connection:
        refusals = [NewRefusal(one.lease, Refusal.SYNTAX_ERROR, "line 1\0"), NewRefusal(two.lease, Refusal.NO_ANSWER)]
        assert await proposals.refuse(connection, refusals) == {one.lease.id, two.lease.id}
        assert await proposals.refuse(connection, refusals) == frozenset()
        assert await proposals.answer(connection, one, child("x = 2")) == LeaseLost()
    opened = await open_by_number(database, run)
    assert opened[1].refusal is Refusal.SYNTAX_ERROR
    assert opened[1].program_id is None
    assert await claimed(database) == []


async def test_open_proposals_show_what_came_of_each_until_they_are_closed(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1, 2)
    await finished(database, {0: 1.0, 1: 2.5, 2: None})
    await asked(database, run, 3)
    opened = await open_by_number(database, run)
    assert list(opened) == [0, 1, 2, 3]
    one = opened[1]
    assert (one.verdict, one.score, one.features, one.evaluation_state) == (
        Verdict.SCORED,
        2.5,
        {"f": 2.0},
        EvaluationState.FINISHED,
    )
    assert (one.length, one.literals) == (len(f"x = {run}, 1"), 1)
    assert (opened[2].verdict, opened[2].score) == (Verdict.CRASHED, None)
    assert (opened[3].state, opened[3].program_id, opened[3].evaluation) == (ProposalState.QUEUED, None, None)
    async with database.begin() as connection:
        await proposals.close(connection, run, [(0, 1), (2, 2)])
        await proposals.close(connection, run, [])
    assert list(await open_by_number(database, run)) == [1, 3]


async def test_the_lowest_number_can_be_given_what_a_quicker_one_made(database: Database) -> None:
    run = await new_run(database)
    await asked(database, run, 1, 2, 3)
    one, two, three = await claimed(database)
    longer = NewProgram({"program.py": "x = 5  # longer"}, child("x = 5").normalised_hash, 15, 1)
    async with database.begin() as connection:
        assert await proposals.answer(connection, two, child("x = 5")) == Answered(2)
        assert await proposals.answer(connection, three, child("x = 5")) == DuplicateOf(2)
        assert await proposals.answer(connection, one, longer) == DuplicateOf(2)
    await finished(database, {2: 8.0})
    async with database.begin() as connection:
        await proposals.reassign(connection, run, owner=2, heir=1)
        stored = await programs.load(connection, run, [1, 2])
    assert {number: program.files for number, program in stored.items()} == {1: {"program.py": "x = 5  # longer"}}
    opened = await open_by_number(database, run)
    assert (opened[1].state, opened[1].duplicate_of, opened[1].score, opened[1].length) == (
        ProposalState.ANSWERED,
        None,
        8.0,
        15,
    )
    for number in (2, 3):
        assert (opened[number].refusal, opened[number].duplicate_of) == (Refusal.DUPLICATE, 1)
        assert (opened[number].program_id, opened[number].score) == (opened[1].program_id, 8.0)


async def test_statements_do_not_grow_with_the_batch(database: Database, count_statements: CountStatements) -> None:
    run = await new_run(database)
    lengths: list[int] = []
    for first, size in ((1, 2), (100, 60)):
        with count_statements() as statements:
            await asked(database, run, *range(first, first + size))
            taken = await claimed(database)
            async with database.begin() as connection:
                children = [(item, child(f"y = {item.number // 3}")) for item in taken]
                await proposals.answer_many(connection, children)
                await proposals.open_proposals(connection, run)
                await proposals.close(connection, run, [(item.number, item.number) for item in taken])
        lengths.append(len(statements))
    assert lengths[0] == lengths[1]


async def test_programs_with_their_outcome_and_known_hashes(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1)
    await finished(database, {1: 4.0})
    await answered(database, run, 2)
    async with database.begin() as connection:
        found = await programs.load_evaluated(connection, run, [1, 2])
        hashes = [child(f"x = {run}, 1").normalised_hash, b"unknown"]
        assert await programs.known_hashes(connection, run, hashes) == {hashes[0]: 1}
    assert found[2].outcome is None
    assert found[1].outcome is not None
    assert (found[1].outcome.score, found[1].outcome.metrics) == (4.0, {"m": 1.5})
    assert found[1].outcome.stages[0].feedback == "fine, \\u0000 said ? it"
    assert len(await claimed_evaluations(database)) == 1


async def test_any_text_survives_in_a_program(database: Database) -> None:
    run = await new_run(database)
    strange = "x = '\0 \ud800 \u2028 é'"
    await asked(database, run, 1)
    (item,) = await claimed(database)
    async with database.begin() as connection:
        await proposals.answer(connection, item, NewProgram({"program.py": strange}, b"h", 3, 0))
        assert (await programs.load(connection, run, [1]))[1].files == {"program.py": strange}


@pytest.mark.parametrize("number", [1])
async def test_asking_a_number_twice_is_an_error(database: Database, number: int) -> None:
    run = await new_run(database)
    await asked(database, run, number)
    with pytest.raises(sa.exc.IntegrityError):
        await asked(database, run, number)


@given(st.dictionaries(st.text(max_size=8), st.text(alphabet=st.characters(), max_size=30), max_size=4))
def test_packed_files_come_back(files: dict[str, str]) -> None:
    from database import blobs

    assert blobs.unpack_files(blobs.pack_files(files)) == files
