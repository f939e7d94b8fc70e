"""Who follows a run gets each of its events once and in order, however late or slow, at little cost for the database."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
import sqlalchemy as sa

from database import events, tables
from database.engine import Database
from database.errors import NotFound
from evolution.evaluation import Verdict
from evolution.events import Admitted, Event, NewBest
from server import event_feed
from server.event_feed import EventFeed, as_json
from server.recent import Recent
from tests.conftest import CountStatements
from tests.database.scene import new_run, toy_problem


def best(number: int) -> NewBest:
    return NewBest(number=number, score=0.5 * number, evaluations=number)


async def log(database: Database, run: int, *made: Event) -> None:
    async with database.begin() as connection:
        newest = (await events.newest(connection, [run]))[run]
        last = await events.append(connection, run, newest, made)
        await connection.execute(sa.update(tables.run).where(tables.run.c.id == run).values(as_of_event=last))


def parsed(text: bytes) -> tuple[int, list[dict[str, Any]]]:
    lines = text.decode().split("\n")
    assert lines[1] == "event: events"
    assert lines[3:] == ["", ""]
    return int(lines[0].removeprefix("id: ")), json.loads(lines[2].removeprefix("data: "))


async def numbers(stream: AsyncGenerator[bytes], until: int) -> list[int]:
    """What comes, up to event `until`."""
    found: list[int] = []
    while not found or found[-1] < until:
        last, items = parsed(await asyncio.wait_for(anext(stream), 20))
        found += [item["number"] for item in items]
        assert last == found[-1]
    return found


@pytest.fixture
async def feed(database: Database) -> AsyncGenerator[EventFeed]:
    made = EventFeed(database, Recent(database))
    async with made.running():
        yield made


async def test_everybody_gets_every_event_once(database: Database, feed: EventFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MOST_EVENTS", 3)
    monkeypatch.setattr(event_feed, "_KEPT", 2)
    run, other = await new_run(database), await new_run(database)
    await log(database, run, *map(best, range(1, 8)))

    async def follow(after: int | None, pause_s: float) -> list[int]:
        async with aclosing(feed.messages(run, after, 60)) as stream:
            found = await numbers(stream, 8)
            await asyncio.sleep(pause_s)
            return found + await numbers(stream, 40)

    following = [asyncio.create_task(follow(after, pause)) for after, pause in ((0, 0), (4, 0), (None, 0), (7, 2), (0, 2))]
    for number in range(8, 41):
        await asyncio.sleep(0.05)
        await log(database, run, best(number))
        await log(database, other, best(number))
    found = await asyncio.gather(*following)
    begins = [numbers[0] for numbers in found]
    assert found == [list(range(first, 41)) for first in begins]
    # The third began with what came after it did.
    assert begins[:2] + begins[3:] == [1, 5, 8, 1]
    assert begins[2] >= 8


async def test_many_followers_cost_the_database_as_much_as_one_of_each_group(
    database: Database, feed: EventFeed, count_statements: CountStatements
) -> None:
    run = await new_run(database)
    await log(database, run, best(1))

    async def reads(followers: int, number: int) -> int:
        streams = [feed.messages(run, None, 60) for _ in range(followers)]
        waiting = [asyncio.create_task(numbers(stream, number)) for stream in streams]
        await asyncio.sleep(0.6)
        with count_statements() as counted:
            await log(database, run, best(number))
            await asyncio.gather(*waiting)
        for stream in streams:
            await stream.aclose()
        return sum("AS payload FROM event" in text for text in counted.texts)

    assert await reads(1, 2) == 1
    assert await reads(200, 3) == event_feed.GROUPS


async def test_a_follower_gets_four_messages_a_second_at_most(database: Database, feed: EventFeed) -> None:
    run = await new_run(database)
    came = 0

    async def follow() -> None:
        nonlocal came
        async with aclosing(feed.messages(run, None, 60)) as stream:
            async for _ in stream:
                came += 1

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    clock = asyncio.get_running_loop().time
    began = clock()
    for number in range(1, 60):
        await log(database, run, best(number))
        await asyncio.sleep(0.02)
    took = clock() - began
    following.cancel()
    assert 1 <= came <= 4 * took + 1


async def test_a_stream_ends_after_its_time(database: Database, feed: EventFeed) -> None:
    run = await new_run(database)
    async with asyncio.timeout(20):
        assert [text async for text in feed.messages(run, None, 0.3)] == []


async def test_an_event_of_another_version_is_passed_on(database: Database, feed: EventFeed) -> None:
    run = await new_run(database)
    waiting = asyncio.create_task(anext(feed.messages(run, None, 60)))
    await asyncio.sleep(0.3)
    async with database.begin() as connection:
        odd = {"kind": "odd", "number": 3, "score": 2.0}
        await connection.execute(sa.insert(tables.event).values(run=run, number=1, kind="odd", payload=odd))
        await connection.execute(sa.update(tables.run).where(tables.run.c.id == run).values(as_of_event=1))
    last, (told,) = parsed(await asyncio.wait_for(waiting, 20))
    del told["at"]
    assert (last, told) == (1, {"number": 1, "kind": "odd", "program": 3, "score": 2.0})


async def test_whatever_keeps_events_from_being_read_ends_in_time(
    database: Database, feed: EventFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "_RETRY_S", 0.1)
    run = await new_run(database)
    waiting = asyncio.create_task(numbers(feed.messages(run, None, 60), 1))
    await asyncio.sleep(0.4)
    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE run RENAME COLUMN as_of_event TO gone")
    await asyncio.sleep(0.8)
    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE run RENAME COLUMN gone TO as_of_event")
    await log(database, run, best(1))
    assert await waiting == [1]


async def test_there_is_no_stream_of_no_run(feed: EventFeed) -> None:
    with pytest.raises(NotFound, match="no run 77"):
        await anext(feed.messages(77, 0, 60))


async def test_scores_are_raw_and_programs_have_numbers(database: Database) -> None:
    run = await new_run(database, problem=toy_problem(direction="minimize"))
    admitted = Admitted(
        number=3,
        program=12345,
        evaluation=6789,
        verdict=Verdict.SCORED,
        score=-2.5,
        features=(1.0,),
        length=10,
        literals=1,
        cell=(0,),
        placement="new",
    )
    await log(database, run, admitted)
    async with database.begin() as connection:
        (found,) = await events.read_stored(connection, run, 0, 10)
    told = as_json(found, -1.0)
    assert told.pop("at") == found.at.isoformat()
    assert told == {
        "number": 1,
        "kind": "admitted",
        "program": 3,
        "verdict": "scored",
        "score": 2.5,
        "features": [1.0],
        "length": 10,
        "literals": 1,
        "cell": [0],
        "placement": "new",
    }
