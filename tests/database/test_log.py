"""Events, the archive's snapshot, machines, and what is written once."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from database import archive, events, machines, tables
from database.archive import Elite, Record
from database.encoding import storable, to_json
from database.engine import Database
from database.errors import EventGap
from evolution.events import Event, NewBest, Proposed, Resumed
from evolution.proposal import Operator
from tests.database.scene import PROPENSITY, answered, asked, claimed, count, finished, new_run


def best(number: int) -> NewBest:
    return NewBest(number=number, score=0.1 * number, evaluations=number)


async def test_events_are_gapless_and_come_back_equal(database: Database) -> None:
    run = await new_run(database)
    proposed = Proposed(
        number=1,
        operator=Operator.MUTATE,
        island=0,
        parent=0,
        parent_score=0.1 + 0.2,
        inspirations=(0,),
        model=None,
        tuning=None,
        propensity=PROPENSITY,
        progress=1e-300,
    )
    log: list[Event] = [Resumed(epoch=1), proposed, *(best(number) for number in range(1, 8))]
    async with database.begin() as connection:
        assert await events.append(connection, run, 0, log[:1]) == 1
        assert await events.append(connection, run, 1, log[1:4]) == 4
        assert await events.append(connection, run, 4, []) == 4
        assert await events.append(connection, run, 4, log[4:]) == 9
        pages = [await events.read(connection, run, after, limit=4) for after in (0, 4, 8, 9)]
    found = [item for page in pages for item in page]
    assert [item.number for item in found] == list(range(1, 10))
    assert [item.event for item in found] == log
    assert [len(page) for page in pages] == [4, 4, 1, 0]


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_an_event_that_does_not_follow_the_newest_is_refused(database: Database, after: int) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        await events.append(connection, run, 0, [best(1), best(2)])
    with pytest.raises(EventGap, match=f"expected that to be {after}"):
        async with database.begin() as connection:
            await events.append(connection, run, after, [best(3)])
    assert await count(database, tables.event) == 2


async def test_a_snapshot_comes_back_with_the_changed_cells_only_replaced(database: Database) -> None:
    run = await new_run(database)
    first, second = Elite(0, (1, 2), 1, 1.5, 10, 2, 5), Elite(1, (0, 11), 2, -1e300, 9, 3, 6)
    better = Elite(0, (1, 2), 7, 0.1 + 0.2, 11, 2, 9)
    async with database.begin() as connection:
        assert await archive.load(connection, run) is None
        await archive.save(connection, run, 6, {"a": [1, 0.1 + 0.2], "b": None}, [first, second])
        await archive.save(connection, run, 7, {"a": 2}, [])
        await archive.save(connection, run, 9, {"a": 3}, [better])
        found = await archive.load(connection, run)
        assert found is not None
        assert (found.as_of_event, found.state, found.elites) == (9, {"a": 3}, (better, second))
        await archive.clear(connection, run, [])
        await archive.clear(connection, run, [0])
        found = await archive.load(connection, run)
        assert found is not None
        assert found.elites == (second,)


async def test_scored_programs_keep_their_places(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1, 2, 3)
    await finished(database, {0: 5.0, 2: None})
    async with database.begin() as connection:
        await archive.add_scored(connection, run, [(0, 0), (1, 3)])
        await archive.add_scored(connection, run, [])
        await archive.add_scored(connection, run, [(2, 1)])
        assert await archive.load_scored(connection, run) == [(0, 0, 5.0), (3, 0, 3.0), (1, 0, 1.0)]
        await archive.add_records(connection, run, [])
        await archive.add_records(connection, run, [Record(0, 5.0, 1, 0.5, 10), Record(3, 6.0, 2, 0.7, 12)])
    assert await count(database, tables.record) == 2


async def test_a_machine_is_stored_once(database: Database) -> None:
    async with database.begin() as connection:
        one = await machines.register(connection, {"cpu": "x", "cores": 2})
        assert await machines.register(connection, {"cores": 2, "cpu": "x"}) == one
        assert await machines.register(connection, {"cores": 4, "cpu": "x"}) != one
    assert await count(database, tables.machine) == 2


WRITTEN_ONCE = ["blob", "problem", "problem_file", "program", "event"]


@pytest.mark.parametrize("table", WRITTEN_ONCE)
async def test_what_is_written_once_cannot_be_changed_or_lost(database: Database, table: str) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        await events.append(connection, run, 0, [best(1)])
    first = tables.metadata.tables[table].columns.keys()[-1]
    update, delete = f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"  # noqa: S608 - names of this test
    for statement in (update, delete, f"TRUNCATE {table} CASCADE"):
        with pytest.raises(sa.exc.IntegrityError, match="is refused"):
            async with database.begin() as connection:
                await connection.execute(sa.text(statement))
    assert await count(database, tables.metadata.tables[table]) >= 1


async def test_a_program_goes_only_when_its_proposal_no_longer_stands_for_it(database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1)
    delete = sa.text("DELETE FROM program WHERE number = 1")
    with pytest.raises(sa.exc.IntegrityError, match="answers its proposal"):
        async with database.begin() as connection:
            await connection.execute(delete)
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM evaluation"))
        await connection.execute(sa.text("UPDATE proposal SET state = 'refused' WHERE number = 1"))
        await connection.execute(delete)
    assert await count(database, tables.program) == 1


@given(st.dictionaries(st.text(alphabet=st.sampled_from('\0\\u0abc\ud800é"'), max_size=8), st.text(max_size=20), max_size=4))
def test_json_text_holds_nothing_that_postgres_refuses(value: dict[str, str]) -> None:
    import json

    text = to_json(value)
    assert "\0" not in text
    text.encode()
    decoded = json.loads(text)
    assert all("\0" not in part for pair in decoded.items() for part in pair)
    if not any("\0" in part or any("\ud800" <= sign <= "\udfff" for sign in part) for pair in value.items() for part in pair):
        assert decoded == value


def test_storable_text_loses_only_what_cannot_be_stored() -> None:
    assert storable("a\0b\ud800c é") == "ab?c é"


async def test_claims_stay_fair_to_order(database: Database) -> None:
    one, two = await new_run(database), await new_run(database)
    await asked(database, two, 1)
    await asked(database, one, 1)
    assert [item.run for item in await claimed(database)] == [two, one]
