"""Leases of GPUs, and which evaluators are given the work that needs one."""

import asyncio

import pytest
import sqlalchemy as sa

from database import evaluations, gpus
from database.engine import Database
from database.gpus import FIRST_PAUSE_S, LONGEST_PAUSE_S, GpuLease
from evolution.evaluation import Tier
from evolution.gpu import Gpu, GpuHealth, GpuState, Throttle
from evolution.problem import Problem, problem_from_files
from tests.database.scene import new_run, toy_problem

UUIDS = [f"GPU-{number:08x}-0000-4000-8000-000000000000" for number in range(3)]


def state(uuid: str) -> GpuState:
    return GpuState(Gpu(uuid, "Toy 100", "570.1", 81559), GpuHealth.FREE, "", 10, 40, 55.5, 700.0, 345, 1980, (Throttle.IDLE,))


async def told(database: Database, *uuids: str) -> None:
    async with database.begin() as connection:
        await gpus.tell(connection, "here", [state(uuid) for uuid in uuids])


async def leased(database: Database, *uuids: str, lease_s: float = 60.0, preferred: str | None = None) -> GpuLease | None:
    async with database.begin() as connection:
        return await gpus.lease(connection, "evaluators 1", uuids or UUIDS, lease_s, preferred)


async def one(database: Database, *uuids: str, lease_s: float = 60.0) -> GpuLease:
    found = await leased(database, *uuids, lease_s=lease_s)
    assert found is not None
    return found


async def healths(database: Database) -> dict[str, tuple[GpuHealth, str]]:
    async with database.begin() as connection:
        return {found.state.gpu.uuid: (found.state.health, found.state.cause) for found in await gpus.known(connection)}


async def test_what_is_told_is_known_whole(database: Database) -> None:
    await told(database, UUIDS[0])
    await told(database, UUIDS[0])
    async with database.begin() as connection:
        (found,) = await gpus.known(connection)
    assert found.state == state(UUIDS[0])
    assert (found.host, found.owner, found.aside_times) == ("here", None, 0)
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE gpu SET heard_at = now() - interval '2 hours'"))
        assert await gpus.known(connection) == []


async def test_who_holds_a_device_is_known_and_one_of_which_nobody_tells_is_lost(database: Database) -> None:
    await told(database, *UUIDS[:2])
    run = await new_run(database)
    async with database.begin() as connection:
        held = await gpus.lease(connection, "evaluators 1", UUIDS[:1], 60.0, run=run)
        (first, second) = await gpus.known(connection)
        assert (first.run, first.project, second.run, second.project) == (run, 1, None, None)
        assert held is not None
        await gpus.release(connection, held)
        aged = sa.text("UPDATE gpu SET heard_at = now() - interval '21 seconds' WHERE uuid = :of")
        await connection.execute(aged, {"of": UUIDS[1]})
        (first, second) = await gpus.known(connection)
    assert (first.run, first.state.health, second.state.health) == (None, GpuHealth.FREE, GpuHealth.LOST)
    assert second.state.cause == "no evaluator has told of it for 20 s"


async def test_a_device_is_leased_to_one_at_a_time_however_many_ask(database: Database) -> None:
    await told(database, *UUIDS)
    found = await asyncio.gather(*(leased(database) for _ in range(8)))
    # Who comes while another one is choosing may get none and asks again.
    held = [item for item in found if item is not None]
    while len(held) < len(UUIDS):
        held.append(await one(database))
    assert sorted(item.uuid for item in held) == UUIDS
    assert await leased(database) is None
    assert set((await healths(database)).values()) == {(GpuHealth.LEASED, "")}


async def test_the_device_that_somebody_prefers_is_given_if_it_is_free_and_no_other_than_those_asked_for(
    database: Database,
) -> None:
    await told(database, *UUIDS)
    first = await leased(database, preferred=UUIDS[2])
    assert first is not None
    assert first.uuid == UUIDS[2]
    second = await leased(database, preferred=UUIDS[2])
    assert second is not None
    assert second.uuid == UUIDS[0]
    assert await leased(database, UUIDS[2]) is None


async def test_only_who_holds_the_newest_lease_keeps_or_releases(database: Database) -> None:
    await told(database, UUIDS[0])
    old = await one(database, lease_s=-1)
    new = await one(database)
    async with database.begin() as connection:
        assert await gpus.extend(connection, [old], 60) == frozenset()
        assert not await gpus.release(connection, old)
        assert await gpus.set_aside(connection, old, GpuHealth.BUSY, "late") is None
        assert await gpus.extend(connection, [new], 60) == {UUIDS[0]}
        assert await gpus.release(connection, new)
    assert await healths(database) == {UUIDS[0]: (GpuHealth.FREE, "")}


async def test_a_lease_that_is_kept_is_not_given_to_another(database: Database) -> None:
    await told(database, UUIDS[0])
    held = await one(database, lease_s=-1)
    async with database.begin() as connection:
        await gpus.extend(connection, [held], 60)
    assert await leased(database) is None


async def test_a_device_is_set_aside_with_its_cause_for_longer_each_time_until_it_is_well(database: Database) -> None:
    await told(database, UUIDS[0])
    pauses: list[float | None] = []
    for _ in range(5):
        held = await one(database)
        async with database.begin() as connection:
            pauses.append(await gpus.set_aside(connection, held, GpuHealth.LOST, "it fell\0 off the bus"))
        assert await leased(database) is None
        assert await healths(database) == {UUIDS[0]: (GpuHealth.LOST, "it fell off the bus")}
        async with database.begin() as connection:
            await connection.execute(sa.text("UPDATE gpu SET aside_until = now() - interval '1 second'"))
    assert pauses == pytest.approx([FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, 16 * FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S])
    held = await one(database)
    async with database.begin() as connection:
        assert await gpus.release(connection, held)
        (found,) = await gpus.known(connection)
    assert (found.state.health, found.aside_until, found.aside_times) == (GpuHealth.FREE, None, 0)


def hungry_problem() -> Problem:
    files = dict(toy_problem().files)
    files["problem.toml"] += b'[[stages]]\nname = "score"\ngpus = 1\n'
    return problem_from_files(files)


async def test_work_that_needs_a_gpu_is_given_to_those_alone_who_ask_for_it(database: Database) -> None:
    hungry, frugal = await new_run(database, problem=hungry_problem()), await new_run(database)
    async with database.begin() as connection:
        (given,) = await evaluations.claim(connection, "without", 100, 60.0, Tier.PLAIN)
        assert (given.run, given.gpus) == (frugal, 0)
        assert await evaluations.claim(connection, "without", 100, 60.0, Tier.PLAIN) == []
        (given,) = await evaluations.claim(connection, "with", 100, 60.0, Tier.PLAIN, gpus=True)
        assert (given.run, given.gpus) == (hungry, 1)
