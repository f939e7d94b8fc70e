"""What ended runs lose and keep, and that no content goes that anybody names."""

import asyncio
import hashlib
from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from database import blobs, completions, evaluations, problems, programs, proposals, retention, runs, tables
from database.engine import Database
from database.errors import DatabaseUnavailable, NotAllowed, NotFound
from database.programs import NewProgram
from database.retention import Removal, Removed
from evolution.proposal import Operator
from evolution.run import Budget
from galapagos.verification import verify_run
from tests.database.scene import asked, choice, claimed, count, new_run
from tests.galapagos.filled_run import evil_problem, fill


async def aged(database: Database, days: int, project_days: int | None = 30) -> None:
    """Every run that has ended did so some days ago, and project 1 keeps texts for so many."""
    async with database.begin() as connection:
        back = sa.text("UPDATE run SET finished_at = finished_at - make_interval(days => :days)")
        await connection.execute(back, {"days": days})
        await retention.set_days(connection, 1, project_days, by=None)


async def removed(database: Database) -> list[Removed]:
    """What all batches removed."""
    found: list[Removed] = []
    while True:
        async with database.begin() as connection:
            batch = await retention.remove_batch(connection)
        if batch is None:
            return found
        found.append(batch)


async def sources(database: Database, run: int) -> dict[int, Mapping[str, str]]:
    async with database.begin() as connection:
        numbers = (await connection.execute(sa.select(tables.program.c.number).where(tables.program.c.run == run))).scalars()
        return {number: program.files for number, program in (await programs.load(connection, run, list(numbers))).items()}


async def contents(database: Database) -> set[bytes]:
    async with database.begin() as connection:
        return set((await connection.execute(sa.select(tables.blob.c.content))).scalars())


async def lasting(database: Database, run: int) -> set[int]:
    """Numbers that must be kept, found without the code under test."""
    async with database.begin() as connection:
        row = await runs.load(connection, run)
        kept = {0, row.champion or 0}
        for table in (tables.elite, tables.record):
            kept |= set((await connection.execute(sa.select(table.c.number).where(table.c.run == run))).scalars())
        columns = (tables.program.c.number, tables.program.c.parent)
        rows = await connection.execute(sa.select(*columns).where(tables.program.c.run == run))
        parents = {row.number: row.parent for row in rows}
        query = "SELECT g.number FROM program g JOIN evaluation e ON e.program = g.id AND purpose = 'verify' WHERE g.run = :run"
        verified = await connection.execute(sa.text(query), {"run": run})
        kept |= set(verified.scalars())
    number = row.champion
    while number is not None:
        kept.add(number)
        number = parents[number]
    return kept


async def test_an_old_run_loses_what_nothing_of_lasting_worth_needs(database: Database) -> None:
    run = await fill(database, evil_problem(), 30)
    before = await sources(database, run)
    kept = await lasting(database, run)
    assert 0 < len(kept) < len(before)
    await aged(database, 31)
    found = await removed(database)
    assert sum(item.programs for item in found) == len(before) - len(kept)
    assert found[-1].ended
    after = await sources(database, run)
    assert {number for number, files in after.items() if files} == kept
    assert all(after[number] == before[number] for number in kept)
    stored = await contents(database)
    lost = [files for number, files in before.items() if number not in kept]
    assert not {blobs.pack_files(files) for files in lost} & stored
    assert await removed(database) == []


async def test_log_scores_and_feedback_of_what_is_kept_stay(database: Database) -> None:
    run = await fill(database, evil_problem(), 30)
    kept = await lasting(database, run)
    query = sa.text("""
        SELECT g.number, e.score, CAST(e.verdict AS text) AS verdict, CAST(e.metrics AS text) AS metrics,
            CAST(e.features AS text) AS features, CAST(e.stages AS text) AS stages
        FROM program g JOIN evaluation e ON e.program = g.id WHERE g.run = :run ORDER BY e.id
    """)
    async with database.begin() as connection:
        before = (await connection.execute(query, {"run": run})).all()
        events = await count(database, tables.event)
        await connection.execute(
            sa.text("""
            UPDATE evaluation SET stages = '[{"stage": "score", "feedback": "fine", "log_tail": "said", "score": 1.0}]'
        """)
        )
    await aged(database, 31)
    await removed(database)
    async with database.begin() as connection:
        after = (await connection.execute(query, {"run": run})).all()
    assert [tuple(row)[:5] for row in after] == [tuple(row)[:5] for row in before]
    assert await count(database, tables.event) == events
    for row in after:
        assert ('"fine"' in row.stages) == (row.number in kept)
        assert '"score": 1.0' in row.stages
    check = await verify_run(database, run)
    assert check.differences == []
    assert check.removed is not None
    assert "retention removed the sources of" in check.removed


async def test_who_is_young_goes_on_or_has_no_limit_loses_nothing(database: Database) -> None:
    run = await fill(database, evil_problem(), 10)
    going_on = await new_run(database)
    before = await contents(database)
    await aged(database, 31, None)
    assert await removed(database) == []
    await aged(database, 0, 62)
    assert await removed(database) == []
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE run SET stop_reason = 'damaged' WHERE id = :run"), {"run": run})
    await aged(database, 99)
    assert await removed(database) == []
    assert await contents(database) == before
    async with database.begin() as connection:
        assert await retention.of(connection, going_on) is None


async def test_what_others_name_stays(database: Database) -> None:
    """A fork, a pin, and a program that another run has too."""
    problem = evil_problem()
    first = await fill(database, problem, 30)
    free = sorted((await sources(database, first)).keys() - await lasting(database, first))
    forked, pinned, shared = free[:3]
    texts = await sources(database, first)
    async with database.begin() as connection:
        other = await runs.create(
            connection, problem, (await runs.load(connection, first)).config, 1, (await runs.load(connection, first)).tier,
            normalised_hash=b"fork", length=1, literals=1, origin=(await programs.load(connection, first, [forked]))[forked],
        )  # fmt: skip
        pins = sa.text("UPDATE search_state SET state = jsonb_set(state, '{pins}', CAST(:pins AS jsonb)) WHERE run = :run")
        await connection.execute(pins, {"run": first, "pins": f"[[{pinned}, 0.5, 0, 1.0]]"})
    await asked(database, other, 1)
    (item,) = await claimed(database)
    async with database.begin() as connection:
        await proposals.answer(connection, item, NewProgram(texts[shared], hashlib.sha256(b"shared").digest(), 9, 1))
    await aged(database, 31)
    await removed(database)
    after = await sources(database, first)
    assert (after[forked], after[pinned], after[shared]) == (texts[forked], texts[pinned], {})
    assert (await sources(database, other))[1] == texts[shared]


async def test_prompts_and_answers_go_and_what_they_cost_stays(database: Database) -> None:
    run = await new_run(database, budget=Budget(micro_dollars=1000))
    await asked(database, run, 1, what=choice(Operator.DIFF, model="m"))
    (item,) = await claimed(database)
    async with database.begin() as connection:
        made = await completions.reserve(connection, item, model="m", template="t", prompt="a prompt", micro_dollars=50)
        assert isinstance(made, int)
        await completions.settle(
            connection, made, answer="an answer", failure=None, finish_reason="stop", tokens_in=3, tokens_out=4,
            micro_dollars=7, latency_s=0.1,
        )  # fmt: skip
        await connection.execute(sa.text("UPDATE run SET state = 'finished', stop_reason = 'stopped', finished_at = now()"))
    await aged(database, 31)
    (one,) = await removed(database)
    assert (one.programs, one.prompts, one.contents) == (0, 1, 2)
    assert not {b"a prompt", b"an answer"} & await contents(database)
    async with database.begin() as connection:
        (call,) = (await connection.execute(sa.text("SELECT tokens_in, tokens_out, cost_micro_dollars FROM completion"))).all()
        assert tuple(call) == (3, 4, 7)
        removal = await retention.of(connection, run)
    assert removal is not None
    assert (removal.programs, removal.prompts, removal.ended_at is not None) == (0, 1, True)


async def test_it_goes_on_where_it_was_cut_off(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 7)
    run = await fill(database, evil_problem(), 30)
    kept, before = await lasting(database, run), await sources(database, run)
    await aged(database, 31)
    async with database.begin() as connection:
        assert await retention.remove_batch(connection) is not None
        await connection.rollback()
    assert await sources(database, run) == before
    found = await removed(database)
    assert len(found) > 4
    assert [item.ended for item in found] == [False] * (len(found) - 1) + [True]
    async with database.begin() as connection:
        total = await retention.of(connection, run)
    assert isinstance(total, Removal)
    assert total.programs == len(before) - len(kept)


async def test_two_processes_and_whoever_stores_contents_do_not_harm_one_another(database: Database) -> None:
    """A content that is stored anew in the moment in which it is removed is there for who stored it."""
    run = await fill(database, evil_problem(), 30)
    free = sorted((await sources(database, run)).keys() - await lasting(database, run))
    texts = await sources(database, run)
    await aged(database, 31)
    other = await new_run(database)
    await asked(database, other, *range(1, len(free) + 1))
    items = await claimed(database)

    async def store(place: int) -> None:
        async with database.begin() as connection:
            child = NewProgram(texts[free[place]], hashlib.sha256(str(place).encode()).digest(), 9, 1)
            await proposals.answer(connection, items[place], child)

    async def remove() -> None:
        while True:
            try:
                async with database.begin() as connection:
                    if await retention.remove_batch(connection) is None:
                        return
            except DatabaseUnavailable:
                await asyncio.sleep(0.01)

    await asyncio.gather(remove(), remove(), *(store(place) for place in range(len(items))))
    assert [files for number, files in sorted((await sources(database, other)).items()) if number] == [
        texts[number] for number in free
    ]


async def test_a_run_that_lost_texts_is_not_reopened(database: Database) -> None:
    run = await fill(database, evil_problem(), 10)
    await aged(database, 31)
    await removed(database)
    async with database.begin() as connection:
        with pytest.raises(NotAllowed, match="lost sources of its programs"):
            await runs.reopen(connection, run, Budget(evaluations=900))


async def test_days_that_cannot_be(database: Database) -> None:
    async with database.begin() as connection:
        for days in (0, -1, 36_501):
            with pytest.raises(NotAllowed):
                await retention.set_days(connection, 1, days, by=None)
        with pytest.raises(NotFound):
            await retention.set_days(connection, 99, 5, by=None)


async def test_the_function_removes_nothing_of_a_run_that_goes_on(database: Database) -> None:
    run = await new_run(database)
    before = await sources(database, run)
    async with database.begin() as connection:
        await connection.execute(sa.insert(tables.metadata.tables["removal"]).values(run=run))
        gone = await connection.execute(sa.text("SELECT * FROM remove_texts(:run, '{0}', '{1,2,3}')"), {"run": run})
        assert gone.all() == []
        assert (await problems.load(connection, (await runs.load(connection, run)).problem)).files
        assert await evaluations.last_host_fault(connection, run) is None
    assert await sources(database, run) == before
