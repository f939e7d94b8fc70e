"""Projects, and runs within them, take turns by weight in what evaluators and workers do."""

import asyncio
from collections import Counter

import pytest
import sqlalchemy as sa

from database import audit, evaluations, projects, proposals, runs
from database.engine import Database
from database.errors import NotAllowed, NotFound
from evolution.evaluation import Tier
from evolution.problem import Problem, problem_from_files
from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.run import RunConfig
from tests.database.scene import asked, choice, new_run, toy_problem

MORE = sa.text("""
    WITH made AS (
        INSERT INTO program (run, number, island, files, normalised_hash, length, literals, generation)
        SELECT p.run, k, 0, p.files, sha256(convert_to(p.run || '-' || k, 'UTF8')), 1, 1, 1
        FROM program p CROSS JOIN generate_series(CAST(:first AS integer), CAST(:last AS integer)) k
        WHERE p.run = :run AND p.number = 0 ORDER BY k RETURNING id, run
    )
    INSERT INTO evaluation (run, program, purpose, tier) SELECT run, id, 'search', 'plain' FROM made ORDER BY id
""")


async def queue(database: Database, run: int, count: int, mean_s: float = 1.0, first: int = 1) -> None:
    async with database.begin() as connection:
        await connection.execute(MORE, {"run": run, "first": first, "last": first + count - 1})
        await connection.execute(sa.text("UPDATE run SET mean_s = :mean WHERE id = :run"), {"mean": mean_s, "run": run})


async def owned(database: Database, project: str | None = None, weight: float = 1.0, problem: Problem | None = None) -> int:
    """A run of a project of its own, or of the named one."""
    async with database.begin() as connection:
        known = {found.name: found.id for found in await projects.projects(connection)}
        name = project or f"project {len(known)}"
        owner = known.get(name) or (await projects.create(connection, name, by=None)).id
        await projects.set_weight(connection, owner, weight, by=None)
        return await runs.create(
            connection,
            problem or toy_problem(),
            RunConfig(),
            1,
            Tier.PLAIN,
            normalised_hash=b"seed",
            length=1,
            literals=1,
            project=owner,
        )


async def claim(database: Database, limit: int = 1) -> list[int]:
    async with database.begin() as connection:
        return [item.run for item in await evaluations.claim(connection, "evaluator", limit, 60.0, Tier.PLAIN)]


async def served(database: Database, claims: int, limit: int = 1) -> Counter[int]:
    return Counter([run for _ in range(claims) for run in await claim(database, limit)])


@pytest.mark.parametrize("same_project", [True, False])
@pytest.mark.parametrize("mean_s", [0.002, 30.0])
async def test_a_queue_of_a_thousand_delays_another_run_by_two_at_most(
    database: Database, mean_s: float, same_project: bool
) -> None:
    busy = await owned(database, "busy")
    other = await owned(database, "busy" if same_project else "other")
    assert sorted(await claim(database, 2)) == [busy, other]
    await queue(database, busy, 1000, mean_s)
    await served(database, 40)
    for number in range(1, 9):
        await queue(database, other, 1, mean_s, first=number)
        waited = 0
        while (await claim(database))[0] != other:
            waited += 1
        assert waited <= 2
        await served(database, 3)


async def test_slots_are_shared_by_seconds_and_not_by_count(database: Database) -> None:
    quick, slow = await owned(database), await owned(database)
    await queue(database, quick, 400, 1.0)
    await queue(database, slow, 400, 10.0)
    found = await served(database, 110)
    assert 9 <= found[quick] / found[slow] <= 11


async def test_projects_take_turns_in_gpus_by_the_seconds_of_these_and_apart_from_slots(database: Database) -> None:
    files = dict(toy_problem().files)
    files["problem.toml"] += b'[[stages]]\nname = "score"\ngpus = 1\n'
    hungry = problem_from_files(files)
    quick, slow = await owned(database, "one", problem=hungry), await owned(database, "two", problem=hungry)
    frugal, other = await owned(database, "one"), await owned(database, "three")
    for run, mean_s, gpu_s in ((quick, 9.0, 1.0), (slow, 9.0, 4.0), (frugal, 1.0, 0.0), (other, 1.0, 0.0)):
        await queue(database, run, 200, mean_s)
        async with database.begin() as connection:
            held = sa.text("UPDATE run SET mean_gpu_s = :held WHERE id = :run")
            await connection.execute(held, {"held": gpu_s, "run": run})

    async def claimed() -> list[int]:
        async with database.begin() as connection:
            return [item.run for item in await evaluations.claim(connection, "e", 1, 60.0, Tier.PLAIN, gpus=True)]

    found = Counter([run for _ in range(100) for run in await claimed()])
    assert found.keys() == {quick, slow}
    assert 3.6 <= found[quick] / found[slow] <= 4.4
    # A hundred seconds of GPUs cost the first project none of its turns at slots.
    slots = await served(database, 20)
    assert abs(slots[frugal] - slots[other]) <= 1


async def test_a_project_of_many_runs_gets_no_more_than_one_of_one_run(database: Database) -> None:
    many = [await owned(database, "many") for _ in range(5)]
    one = await owned(database, "one")
    for run in (*many, one):
        await queue(database, run, 200)
    found = await served(database, 80, 3)
    assert 0.95 <= found[one] / sum(found[run] for run in many) <= 1.05
    assert max(found[run] for run in many) - min(found[run] for run in many) <= 3


async def test_weights_of_projects_and_priorities_of_runs_are_obeyed(database: Database) -> None:
    heavy, light, urgent = await owned(database, "heavy", 3.0), await owned(database, "light"), await owned(database, "light")
    async with database.begin() as connection:
        await runs.set_priority(connection, urgent, 4.0, by=None)
    for run in (heavy, light, urgent):
        await queue(database, run, 400)
    found = await served(database, 160)
    assert 2.8 <= found[heavy] / (found[light] + found[urgent]) <= 3.2
    assert 3.6 <= found[urgent] / found[light] <= 4.4


async def test_a_newcomer_does_not_keep_others_from_their_slots(database: Database) -> None:
    old = await owned(database)
    await queue(database, old, 700)
    await served(database, 100, 5)
    new = await owned(database)
    await queue(database, new, 300)
    found = await served(database, 40)
    assert abs(found[old] - found[new]) <= 4


async def test_the_oldest_of_a_run_comes_first(database: Database) -> None:
    run = await owned(database)
    await queue(database, run, 20)
    async with database.begin() as connection:
        found = await evaluations.claim(connection, "evaluator", 7, 60.0, Tier.PLAIN)
    assert [item.number for item in found] == list(range(7))


async def test_claims_at_the_same_time_leave_no_slot_idle_while_work_waits(database: Database) -> None:
    small, large = await owned(database), await owned(database)
    await queue(database, large, 300)
    assert small != large

    async def one() -> list[int]:
        return await claim(database, 4)

    found = [run for batch in await asyncio.gather(*(one() for _ in range(8))) for run in batch]
    assert len(found) == 32


async def test_proposals_are_shared_too_each_kind_by_itself(database: Database) -> None:
    busy, other = await new_run(database), await owned(database)
    await asked(database, busy, *range(1, 101))
    await asked(database, busy, *range(101, 201), what=choice(Operator.DIFF, model="m"))
    await asked(database, other, 1)
    await asked(database, other, 2, what=choice(Operator.DIFF, model="m"))

    async def claimed(kinds: frozenset[Operator]) -> list[int]:
        async with database.begin() as connection:
            return [item.run for item in await proposals.claim(connection, "worker", 4, 60.0, kinds)]

    free = frozenset({Operator.MUTATE, Operator.TUNE})
    for kinds in (free, MODEL_OPERATORS):
        assert Counter(await claimed(kinds)) == {busy: 3, other: 1}
        assert Counter(await claimed(kinds)) == {busy: 4}


async def test_weights_and_priorities_have_bounds(database: Database) -> None:
    run = await owned(database, "proteins")
    async with database.begin() as connection:
        for weight in (0.0, -1.0, 1001.0, float("nan"), float("inf")):
            with pytest.raises(NotAllowed, match=r"from 0\.001 to 1000"):
                await projects.set_weight(connection, 1, weight, by=None)
            with pytest.raises(NotAllowed, match=r"from 0\.001 to 1000"):
                await runs.set_priority(connection, run, weight, by=None)
        with pytest.raises(NotFound):
            await runs.set_priority(connection, 99, 1.0, by=None)
        with pytest.raises(NotFound):
            await projects.set_weight(connection, 99, 1.0, by=None)
        assert (await projects.set_weight(connection, 1, 2.5, by=None)).weight == 2.5
        assert (await audit.read(connection, limit=1))[0].action == "set_weight"
        assert (await runs.load(connection, run)).priority == 1.0
