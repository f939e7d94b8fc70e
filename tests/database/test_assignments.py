"""What people are asked: offered, leased, answered once, and taken back."""

import asyncio
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from database import assignments, leases, people, projects, proposals
from database.assignments import Ending, GivenAnswer, Leased, Overdue
from database.engine import Connection, Database
from database.errors import NotAllowed, NotFound
from database.people import Caller
from database.proposals import ClaimedProposal, LeaseLost, NewRefusal
from evolution.assignment import AssignmentState
from evolution.evaluation import Verdict
from evolution.people import Role
from evolution.proposal import Operator, ProposalState, Refusal
from tests.database.scene import (
    SEED,
    answered,
    asked,
    child,
    choice,
    claimed,
    finished,
    new_run,
    toy_problem,
)

PROMPT = '[{"role": "user", "content": "make x large"}]'
ASK_PEOPLE = choice(Operator.DIFF, model="team")


async def caller(database: Database, name: str) -> Caller:
    async with database.begin() as connection:
        person = await people.create_person(connection, name, by=None)
        await projects.set_member(connection, 1, person.id, Role.WORKER, by=None)
        made = await people.create_token(connection, person.id, "test", by=None)
        found = await people.identify(connection, made.text)
    assert found is not None
    return found


async def offer(database: Database, item: ClaimedProposal, patience_s: float = 60.0) -> int | LeaseLost | Ending:
    async with database.begin() as connection:
        return await assignments.offer(connection, item, model="team", template="diff.v2", prompt=PROMPT, patience_s=patience_s)


@dataclass
class Scene:
    database: Database
    run: int
    ada: Caller
    bob: Caller

    async def offered(self, *numbers: int, patience_s: float = 60.0) -> list[ClaimedProposal]:
        await asked(self.database, self.run, *numbers, what=ASK_PEOPLE)
        taken = await claimed(self.database)
        for item in taken:
            assert isinstance(await offer(self.database, item, patience_s), int)
        return taken

    async def lease(self, who: Caller, lease_s: float = 30.0, **narrowed: object) -> Leased | None:
        async with self.database.begin() as connection:
            return await assignments.lease(connection, who, [1], lease_s, **narrowed)  # pyright: ignore[reportArgumentType]

    async def answer(self, who: Caller, leased: Leased, text: str = "x = 2") -> None:
        async with self.database.begin() as connection:
            await assignments.answer(connection, who, leased.id, leased.lease, text)

    async def taken_up(self) -> GivenAnswer | Overdue | None:
        (item,) = await claimed(self.database)
        async with self.database.begin() as connection:
            return await assignments.take_up(connection, item)

    async def state(self) -> tuple[str, int, str | None]:
        async with self.database.begin() as connection:
            found = await connection.execute(
                sa.text("SELECT CAST(state AS text), attempt, lease_owner FROM proposal ORDER BY id DESC LIMIT 1")
            )
            return tuple(found.one())


@pytest.fixture
async def scene(database: Database) -> Scene:
    run = await new_run(database)
    await answered(database, run)
    await finished(database, {})
    return Scene(database, run, await caller(database, "ada"), await caller(database, "bob"))


async def test_an_offered_proposal_is_held_by_no_worker_and_told_whole(scene: Scene) -> None:
    await scene.offered(1)
    assert await scene.state() == ("leased", 0, "people")
    leased = await scene.lease(scene.ada)
    assert leased is not None
    assert (leased.run, leased.proposal, leased.model, leased.operator) == (scene.run, 1, "team", Operator.DIFF)
    assert (leased.parent, leased.files, leased.problem_name) == (0, {"program.py": SEED}, "toy")
    assert [(message.role, message.content) for message in leased.messages] == [("user", "make x large")]
    assert leased.lease_until <= leased.expires_at
    assert leased.earlier == ()


async def test_two_never_get_the_same_one(scene: Scene) -> None:
    await scene.offered(1, 2, 3)
    async with scene.database.begin() as first, scene.database.begin() as second:
        one = await assignments.lease(first, scene.ada, [1], 30)
        other = await assignments.lease(second, scene.bob, None, 30)
    last = await scene.lease(scene.bob)
    assert one is not None
    assert other is not None
    assert last is not None
    assert [one.proposal, other.proposal, last.proposal] == [1, 2, 3]
    assert await scene.lease(scene.ada) is None


async def test_only_what_was_asked_for_is_leased(scene: Scene) -> None:
    await scene.offered(1)
    assert await scene.lease(scene.ada, run=scene.run + 1) is None
    assert await scene.lease(scene.ada, model="others") is None
    async with scene.database.begin() as connection:
        assert await assignments.lease(connection, scene.ada, [2], 30) is None
        assert await assignments.lease(connection, scene.ada, [], 30) is None
        await connection.execute(sa.text("UPDATE run SET state = 'paused'"))
        assert await assignments.lease(connection, scene.ada, [1], 30) is None
        await connection.execute(sa.text("UPDATE run SET state = 'running'"))
    assert await scene.lease(scene.ada, run=scene.run, model="team") is not None


async def test_an_answer_queues_the_proposal_for_a_worker_that_finds_it(scene: Scene) -> None:
    await scene.offered(1)
    leased = await scene.lease(scene.ada)
    assert leased is not None
    await scene.answer(scene.ada, leased, "x = 3")
    await scene.answer(scene.ada, leased, "x = 3")
    with pytest.raises(NotAllowed, match="answered already"):
        await scene.answer(scene.ada, leased, "x = 4")
    assert await scene.state() == ("queued", 0, None)
    given = await scene.taken_up()
    assert isinstance(given, GivenAnswer)
    assert (given.template, given.prompt, given.text) == ("diff.v2", PROMPT, "x = 3")
    assert 0 < given.latency_s < 60


async def test_a_lease_that_is_over_writes_nothing(scene: Scene) -> None:
    await scene.offered(1)
    leased = await scene.lease(scene.ada, lease_s=0.01)
    assert leased is not None
    await asyncio.sleep(0.02)
    for attempt in (_extend, _release):
        with pytest.raises(NotAllowed, match="your lease is over"):
            async with scene.database.begin() as connection:
                await attempt(connection, scene.ada, leased)
    with pytest.raises(NotAllowed, match="your lease is over"):
        await scene.answer(scene.ada, leased)
    again = await scene.lease(scene.bob)
    assert again is not None
    assert again.id == leased.id
    with pytest.raises(NotAllowed, match="somebody else"):
        await scene.answer(scene.ada, leased)
    with pytest.raises(NotAllowed, match="not leased to you"):
        await scene.answer(scene.ada, again)
    await scene.answer(scene.bob, again)


async def _extend(connection: Connection, who: Caller, leased: Leased) -> object:
    return await assignments.extend(connection, who, leased.id, leased.lease, 60)


async def _release(connection: Connection, who: Caller, leased: Leased) -> object:
    return await assignments.release(connection, who, leased.id, leased.lease)


async def test_a_lease_is_extended_until_the_patience_ends_and_released_for_others(scene: Scene) -> None:
    await scene.offered(1, patience_s=60)
    leased = await scene.lease(scene.ada, lease_s=5)
    assert leased is not None
    async with scene.database.begin() as connection:
        until = await assignments.extend(connection, scene.ada, leased.id, leased.lease, 20)
        assert leased.lease_until < until < leased.expires_at
        assert await assignments.extend(connection, scene.ada, leased.id, leased.lease, 6000) == leased.expires_at
        await assignments.release(connection, scene.ada, leased.id, leased.lease)
    with pytest.raises(NotAllowed, match="released"):
        await scene.answer(scene.ada, leased)
    assert await scene.lease(scene.bob) is not None
    with pytest.raises(NotFound, match="no assignment 99"):
        async with scene.database.begin() as connection:
            await assignments.extend(connection, scene.ada, 99, 1, 20)


async def test_what_nobody_answers_comes_back_as_overdue_whoever_had_it(scene: Scene) -> None:
    (item,) = await scene.offered(1)
    leased = await scene.lease(scene.ada)
    assert leased is not None
    async with scene.database.begin() as connection:
        await connection.execute(sa.text("UPDATE proposal SET lease_until = now() - interval '1 s' WHERE state = 'leased'"))
    async with scene.database.begin() as connection:
        assert (await leases.expire(connection)).proposals_requeued == 1
        # The worker that offered it holds it no more, and must not take it from who has it.
        assert await assignments.take_up(connection, item) == Overdue()
        assert (await assignments.outcome(connection, leased.id)).state is AssignmentState.LEASED
    assert await scene.taken_up() == Overdue()
    with pytest.raises(NotAllowed, match="withdrawn"):
        await scene.answer(scene.ada, leased)
    async with scene.database.begin() as connection:
        await connection.execute(sa.text("UPDATE proposal SET state = 'queued', lease = NULL WHERE state = 'leased'"))
    # A worker that died between reading this and refusing the proposal: the next one reads the same.
    assert await scene.taken_up() == Overdue()


async def test_a_lost_lease_and_an_ending_run_offer_nothing(scene: Scene) -> None:
    await asked(scene.database, scene.run, 1, what=ASK_PEOPLE)
    (item,) = await claimed(scene.database)
    async with scene.database.begin() as connection:
        await connection.execute(sa.text("UPDATE proposal SET lease = lease + 1"))
    assert await offer(scene.database, item) == LeaseLost()
    async with scene.database.begin() as connection:
        await connection.execute(sa.text("UPDATE run SET state = 'finishing'"))
    assert await offer(scene.database, item) == Ending()
    async with scene.database.begin() as connection:
        assert await assignments.take_up(connection, item) is None


async def test_a_run_that_ends_withdraws_what_is_not_answered(scene: Scene) -> None:
    await scene.offered(1, 2)
    first, second = await scene.lease(scene.ada), await scene.lease(scene.ada)
    assert first is not None
    assert second is not None
    await scene.answer(scene.ada, first)
    async with scene.database.begin() as connection:
        assert await assignments.withdraw(connection, scene.run, "the run ended") == 1
        outcome = await assignments.outcome(connection, second.id)
    assert (outcome.state, outcome.proposal_state) == (AssignmentState.WITHDRAWN, ProposalState.REFUSED)
    assert (outcome.refusal, outcome.detail) == (Refusal.NO_ANSWER, "the run ended")
    with pytest.raises(NotAllowed, match="withdrawn"):
        await scene.answer(scene.ada, second)
    assert isinstance(await scene.taken_up(), GivenAnswer)


async def test_the_next_lease_tells_what_became_of_the_answers_before(scene: Scene) -> None:
    run = scene.run = await new_run(scene.database, problem=toy_problem(direction="minimize"))
    await scene.offered(1, 2, 3, 4)
    for _ in range(3):
        leased = await scene.lease(scene.ada)
        assert leased is not None
        await scene.answer(scene.ada, leased, "an answer")
    broken, repeated, good = await claimed(scene.database)
    async with scene.database.begin() as connection:
        await proposals.refuse(connection, [NewRefusal(broken.lease, Refusal.DID_NOT_APPLY, "block 1 does not occur")])
        await proposals.answer_many(connection, [(good, child("x = 9"))])
    async with scene.database.begin() as connection:
        await proposals.answer_many(connection, [(repeated, child("x = 9"))])
    await finished(scene.database, {good.number: 2.5})
    leased = await scene.lease(scene.ada)
    assert leased is not None
    told = [(item.proposal, item.refusal, item.detail, item.program, item.verdict, item.score) for item in leased.earlier]
    assert told == [
        (3, None, None, 3, Verdict.SCORED, -2.5),
        (2, Refusal.DUPLICATE, None, 3, Verdict.SCORED, -2.5),
        (1, Refusal.DID_NOT_APPLY, "block 1 does not occur", None, None, None),
    ]
    assert [item.repeats for item in leased.earlier] == [False, True, False]
    async with scene.database.begin() as connection:
        listed = await assignments.listing(connection, run, None, 3)
        rest = await assignments.listing(connection, run, listed[-1].id, 3)
    assert [item.proposal for item in (*listed, *rest)] == [4, 3, 2, 1]
    async with scene.database.begin() as connection:
        await assignments.release(connection, scene.ada, leased.id, leased.lease)
    other = await scene.lease(scene.bob)
    assert other is not None
    assert other.earlier == ()


async def test_an_answer_without_end_is_refused(scene: Scene) -> None:
    await scene.offered(1)
    leased = await scene.lease(scene.ada)
    assert leased is not None
    with pytest.raises(NotAllowed, match="2000000 characters; this one has 2000001"):
        await scene.answer(scene.ada, leased, "x" * 2_000_001)
