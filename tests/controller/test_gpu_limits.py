"""What a limit of GPU seconds does to runs: set aside before, settled at what was measured, never exceeded."""

import asyncio
import logging

import pytest
import sqlalchemy as sa

from controller.active_run import ActiveRun
from controller.one_pass import one_pass
from database import allowances, commands, damage, evaluations, leases, machines, runs
from database.allowances import Allowance
from database.engine import Database
from database.errors import NotAllowed
from database.evaluations import FinishedEvaluation
from evolution.commands import SetBudget, VerifyProgram
from evolution.evaluation import Purpose, Tier
from evolution.events import Admitted, Stopping, VerificationAsked, Verified
from evolution.gpu_time import GpuTime
from evolution.limits import Payer, Resource
from evolution.loop import FINALISTS
from evolution.problem import Problem, problem_from_files
from evolution.run import Budget, RunConfig, RunState, StopReason
from tests.controller.play import AXIS, WIDE, Played
from tests.database.scene import SEED, answered_all, new_run, outcome

GPU = Resource.GPU_MILLISECONDS
STAGES = """
[[stages]]
name = "correct"
timeout_s = 1
[[stages]]
name = "speed"
timeout_s = 2
repeats = 2
gpus = 1
[[stages]]
name = "held_out"
timeout_s = 3
gpus = 1
hidden = true
[verification]
repeats = 2
"""
SEARCH, VERIFICATION = 4_000, 11_000
FIRST = SEARCH + (FINALISTS + 1) * VERIFICATION


def gpu_problem() -> Problem:
    """A problem of which an evaluation may hold a GPU for 4 s, and a verification for 11 s."""
    judge = b"def evaluate(candidate, context): ...\n"
    return problem_from_files({"problem.toml": (AXIS + STAGES).encode(), "program.py": SEED.encode(), "judge.py": judge})


async def begun(database: Database, config: RunConfig | None = None) -> Played:
    run = await new_run(database, problem=gpu_problem(), config=config or RunConfig(in_flight=4))
    async with database.begin() as connection:
        return Played(database, await ActiveRun.adopt(connection, run))


async def judged(database: Database, gpu_s: float = 1.5, limit: int = 100) -> list[Purpose]:
    """Finish what is queued for GPUs, each after `gpu_s` seconds of one; tells what it was."""
    async with database.begin() as connection:
        machine = await machines.register(connection, {"cpu": "toy"})
        taken = await evaluations.claim(connection, "evaluator", limit, 60, Tier.PLAIN, gpus=True)
        found = outcome(1.0, features=dict(WIDE), gpu_s=gpu_s)
        await evaluations.finish(connection, [FinishedEvaluation(item.lease, found, 2.0, machine) for item in taken])
    return [item.purpose for item in taken]


async def limit(database: Database, most: int | None) -> None:
    async with database.begin() as connection:
        await allowances.set_limits(connection, Payer.PROJECT, runs.DEFAULT_PROJECT, {GPU: most}, by=None)


async def allowed(database: Database, payer: Payer = Payer.PROJECT, owner: int = runs.DEFAULT_PROJECT) -> Allowance:
    async with database.begin() as connection:
        return (await allowances.of(connection, payer, [owner]))[owner][GPU]


async def to_the_end(run: Played, gpu_s: float = 1.5) -> None:
    for _ in range(100):
        await answered_all(run.database)
        await judged(run.database, gpu_s)
        if not await run.one_pass():
            return
    raise AssertionError("the run does not end")


def test_the_time_limits_of_stages_are_what_is_set_aside() -> None:
    time = GpuTime.of(gpu_problem().definition)
    assert (time.search, time.verification, time.at_first) == (SEARCH, VERIFICATION, FIRST)


async def test_gpu_seconds_are_set_aside_before_and_settled_at_what_was_measured(database: Database) -> None:
    run = await begun(database)
    for payer, owner in ((Payer.PROJECT, 1), (Payer.RUN, run.id)):
        assert await allowed(database, payer, owner) == Allowance(None, 0, FIRST)
    assert await judged(database, 1.5) == [Purpose.SEARCH]
    assert await run.one_pass()
    # The seed's verification and four children are under way; three more verifications are kept.
    under_way = 4 * SEARCH + (1 + FINALISTS) * VERIFICATION
    assert await allowed(database) == Allowance(None, 1_500, under_way)
    await answered_all(database)
    assert sorted(await judged(database, 0.0004)) == [*4 * [Purpose.SEARCH], Purpose.VERIFY]
    assert await run.one_pass()
    assert await allowed(database) == Allowance(None, 1_505, 4 * SEARCH + FINALISTS * VERIFICATION)
    assert run.active.mean_gpu_s == pytest.approx(1.5 * (15 / 16) ** 4, rel=1e-3)


async def test_a_run_ends_at_its_limit_with_its_best_verified_and_holds_nothing_more(database: Database) -> None:
    config = RunConfig(in_flight=4, budget=Budget(gpu_milliseconds=FIRST + 10_000))
    run = await begun(database, config)
    await to_the_end(run)
    row, own = await run.row(), await allowed(database, Payer.RUN, run.id)
    assert (row.state, row.stop_reason) == (RunState.FINISHED, StopReason.GPU_SECONDS)
    assert row.stop_detail == (
        "the run may use 58 GPU seconds, and too few are left for another evaluation, which may take 4, beside those kept to "
        "verify the best"
    )
    assert row.champion is not None
    judged_in_all = sum(isinstance(event, Admitted | Verified) for event in await run.log())
    assert own == Allowance(FIRST + 10_000, 1_500 * judged_in_all, 0)
    assert own.spent <= FIRST + 10_000


async def test_the_runs_of_a_project_share_its_gpu_seconds(database: Database) -> None:
    await limit(database, 2 * FIRST + 20_000)
    both = [await begun(database), await begun(database)]
    for _ in range(100):
        found = await allowed(database)
        assert found.spent + found.reserved <= 2 * FIRST + 20_000
        await answered_all(database)
        await judged(database, 2.5)
        both = [run for run in both if await run.one_pass()]
        if not both:
            break
    async with database.begin() as connection:
        ended = [await runs.load(connection, number) for number in (1, 2)]
    assert {row.stop_reason for row in ended} == {StopReason.GPU_SECONDS}
    assert all(str(row.stop_detail).startswith("project 'default' may use 116 GPU seconds") for row in ended)
    assert all(row.champion is not None for row in ended)
    assert (await allowed(database)).reserved == 0


async def test_a_run_that_cannot_pay_its_seed_and_its_verifications_is_refused(database: Database) -> None:
    await limit(database, FIRST - 1)
    words = "project 'default' has 47.999 GPU seconds left, and the seed program with the verifications of a run may take 48"
    with pytest.raises(NotAllowed, match=words):
        await begun(database)
    await limit(database, None)
    with pytest.raises(NotAllowed, match="the run has 10 GPU seconds left"):
        await begun(database, RunConfig(budget=Budget(gpu_milliseconds=10_000)))
    assert await allowed(database) == Allowance(None, 0, 0)


async def test_a_problem_without_gpus_counts_none(database: Database) -> None:
    await limit(database, 0)
    run = await new_run(database)
    assert await allowed(database, Payer.RUN, run) == Allowance(None, 0, 0)


async def test_fifty_runs_at_once_never_exceed_what_their_project_may_use(database: Database) -> None:
    held = FIRST + 4 * SEARCH + 2_000
    await limit(database, 50 * held)
    playing = [await begun(database) for _ in range(50)]
    assert len(await judged(database, 1.0)) == 50
    await limit(database, 50 * FIRST + 60_000)
    await asyncio.gather(*(run.one_pass() for run in playing))
    found = await allowed(database)
    assert found.spent == 50_000
    assert found.spent + found.reserved <= 50 * FIRST + 60_000
    # Who came first has children under way, who came late could ask for none, and ends.
    assert {bool(run.active.state.pending) for run in playing} == {True, False}
    assert all((run.active.state.stopping is None) == bool(run.active.state.pending) for run in playing)
    async with database.begin() as connection:
        own = await allowances.of(connection, Payer.RUN, [run.id for run in playing])
    assert sum(one[GPU].reserved for one in own.values()) == found.reserved
    with pytest.raises(sa.exc.IntegrityError, match="within_limit"):
        async with database.begin() as connection:
            await connection.execute(
                sa.text("UPDATE allowance SET spent = spent + 400000 WHERE project = 1 AND resource = 'gpu_milliseconds'")
            )


async def test_a_pass_that_is_cut_off_loses_and_doubles_nothing(database: Database) -> None:
    run = await begun(database)
    await judged(database, 1.5)

    class Cut(Exception):
        pass

    async def cut_off() -> None:
        async with database.begin() as connection:
            await one_pass(connection, run.active)
            raise Cut

    with pytest.raises(Cut):
        await cut_off()
    assert await allowed(database) == Allowance(None, 0, FIRST)
    async with database.begin() as connection:
        run.active = await ActiveRun.adopt(connection, run.id)
    assert await run.one_pass()
    assert (await allowed(database)).spent == 1_500
    assert await run.one_pass()
    assert (await allowed(database)).spent == 1_500
    async with database.begin() as connection:
        restored = await ActiveRun.adopt(connection, run.id)
    assert restored.mean_gpu_s == run.active.mean_gpu_s == 1.5


async def test_an_evaluator_that_dies_leaves_the_reservation_to_the_next_one(database: Database) -> None:
    run = await begun(database)
    async with database.begin() as connection:
        [first] = await evaluations.claim(connection, "dies", 1, 0.0, Tier.PLAIN, gpus=True)
    async with database.begin() as connection:
        assert (await leases.expire(connection)).evaluations_requeued == 1
    async with database.begin() as connection:
        [second] = await evaluations.claim(connection, "loses its GPU", 1, 60, Tier.PLAIN, gpus=True)
        await evaluations.give_back(connection, second.lease, "the GPU is gone", gpu_s=0.5)
    assert first.lease.id == second.lease.id
    assert await allowed(database) == Allowance(None, 0, FIRST)
    await judged(database, 1.5)
    assert await run.one_pass()
    assert (await allowed(database)).spent == 2_000


async def test_what_was_held_for_longer_than_allowed_is_booked_as_far_as_the_limit_goes(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    run = await begun(database, RunConfig(in_flight=4, budget=Budget(gpu_milliseconds=FIRST + 1_000)))
    await judged(database, 500.0)
    with caplog.at_level(logging.ERROR):
        assert await run.one_pass()
    assert "held GPUs for 500000 ms, and the limits have room for 49000" in caplog.text
    assert await allowed(database, Payer.RUN, run.id) == Allowance(FIRST + 1_000, FIRST + 1_000, 0)
    # Nothing can be verified any more: that is said, and the run ends without a champion.
    await to_the_end(run)
    row = await run.row()
    assert (row.stop_reason, row.champion) == (StopReason.GPU_SECONDS, None)
    async with database.begin() as connection:
        told = sa.text("SELECT DISTINCT host_fault FROM evaluation WHERE purpose = 'verify' AND state = 'abandoned'")
        faults = (await connection.execute(told)).scalars().all()
    assert faults == ["a verification may take 11 GPU seconds, and so many are not left to the run, its project or its person"]


async def test_a_raised_budget_lets_a_run_go_on_and_a_verification_that_cannot_be_paid_is_refused(database: Database) -> None:
    run = await begun(database, RunConfig(in_flight=4, budget=Budget(gpu_milliseconds=FIRST + 5_000)))
    await judged(database, 4.0)
    assert await run.one_pass()
    assert len(run.active.state.pending) == 1
    with pytest.raises(NotAllowed, match=r"run 1 has spent or reserved 52 GPU seconds already; expected .* got 51 GPU seconds"):
        async with database.begin() as connection:
            await runs.limit_spending(connection, await runs.load(connection, run.id), Budget(gpu_milliseconds=51_000))
    async with database.begin() as connection:
        await commands.ask(connection, run.id, SetBudget(budget=Budget(gpu_milliseconds=FIRST + 9_000)))
    assert await run.one_pass()
    assert len(run.active.state.pending) == 2
    await answered_all(database)
    await judged(database, 4.0)
    assert await run.one_pass()
    for _ in range(FINALISTS + 1):
        async with database.begin() as connection:
            asked = await commands.ask(connection, run.id, VerifyProgram(program=0))
        await run.one_pass()
        await judged(database, 11.0)
        await run.one_pass()
    async with database.begin() as connection:
        [last] = [item for item in await commands.list_commands(connection, run.id) if item.id == asked]
    assert "a verification may take 11 GPU seconds" in str(last.detail)
    assert any(isinstance(event, VerificationAsked) for event in await run.log())


async def test_a_damaged_run_gives_its_gpu_seconds_back_until_it_is_tried_again(database: Database) -> None:
    run = await begun(database)
    async with database.begin() as connection:
        await damage.set_aside(connection, run.id, "rows")
    assert await allowed(database) == Allowance(None, 0, 0)
    await limit(database, FIRST - 1)
    with pytest.raises(NotAllowed, match="not so many evaluations or GPU seconds left"):
        async with database.begin() as connection:
            await runs.reopen(connection, run.id, Budget())
    await limit(database, FIRST)
    async with database.begin() as connection:
        await runs.reopen(connection, run.id, Budget())
    assert await allowed(database) == Allowance(FIRST, 0, FIRST)


async def test_a_run_that_is_reopened_without_room_ends_again_and_is_not_damaged(database: Database) -> None:
    run = await begun(database, RunConfig(in_flight=4, budget=Budget(gpu_milliseconds=FIRST + 4_000)))
    await to_the_end(run)
    used = (await allowed(database, Payer.RUN, run.id)).spent
    async with database.begin() as connection:
        await runs.reopen(connection, run.id, Budget(gpu_milliseconds=used))
        run.active = await ActiveRun.adopt(connection, run.id)
    await to_the_end(run)
    row = await run.row()
    assert (row.state, row.stop_reason) == (RunState.FINISHED, StopReason.GPU_SECONDS)
    assert await allowed(database, Payer.RUN, run.id) == Allowance(used, used, 0)
    assert [event.reason for event in await run.log() if isinstance(event, Stopping)] == 2 * [StopReason.GPU_SECONDS]
