"""The worker: claims proposals, has children made, and stores them; many at a time in one transaction."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from database import leases, problems, programs, proposals
from database.engine import CONTROLLER, EVALUATORS, WORKERS, Connection, Database, notify
from database.errors import DatabaseUnavailable
from database.leases import Queue
from database.logs import about
from database.programs import NewProgram
from database.proposals import ClaimedProposal, NewRefusal
from evolution.problem import Problem
from evolution.proposal import MODEL_OPERATORS, Operator, Refusal
from workers import injection
from workers.child import Child, HandedOver, Refused
from workers.injection import checked
from workers.metrics import PROPOSALS
from workers.mutation.mutant import ATTEMPTS, Mutant
from workers.mutation.mutation_proposer import Material, MutationProposer, Recent

LOG = logging.getLogger("workers")
BATCH = 16
"""Proposals without a model that are answered in one transaction."""
POLL_S = 1.0
RETRY_S = 0.5
GRACE_S = 5.0
"""So long a stopping worker waits for model calls under way; the run that asked for them has ended before it as a rule."""
FREE_OPERATORS = frozenset({Operator.MUTATE, Operator.TUNE, Operator.INJECT})


class Proposer(Protocol):
    """Makes a child by asking a language model. It repeats no call that was paid for, whoever made it."""

    async def propose(self, claimed: ClaimedProposal, problem: Problem) -> Child | Refused | HandedOver:
        """One child of a proposal, or why there is none, or that it was handed over and needs no answer from here."""
        ...

    def held_up(self) -> Mapping[str, int]:
        """Calls that are here for models whose endpoints must not be called now, by model."""
        ...


@dataclass(slots=True)
class _Draft:
    """An answer that is not stored yet: a child, with others to take its place if the run has it, or a refusal."""

    claimed: ClaimedProposal
    answer: Mutant | Refused
    others: Iterator[Mutant]
    known_up_to: int


class Worker:
    """Answers proposals of all runs until told to stop.

    Args:
        database: the program database.
        owner: a name for this process, for people who look at leases.
        lease_s: how long a claim is held without a sign of life.
        proposer: answers proposals with a model operator; None claims none of them.
        model_calls: so many of these are answered at a time.
    """

    def __init__(
        self, database: Database, owner: str, lease_s: float, proposer: Proposer | None = None, model_calls: int = 64
    ) -> None:
        self._database = database
        self._owner = owner
        self._lease_s = lease_s
        self._proposer = proposer
        self._model_calls = model_calls
        self._mutation = MutationProposer()
        self._problems: Recent[str, Problem] = Recent(8)
        self._drafts: list[_Draft] = []
        self._calls: dict[asyncio.Task[None], ClaimedProposal] = {}
        self._background: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A database that goes away is waited for; answers are kept meanwhile."""
        async with AsyncExitStack() as stack:
            self._background = [asyncio.create_task(part) for part in (self._listen(), self._keep_leases(), self._watch(stop))]
            stack.push_async_callback(_cancelled, self._background)
            stack.push_async_callback(self._wind_up)
            while not stop.is_set():
                self._wake.clear()
                self._collect()
                try:
                    worked = await self._step()
                except DatabaseUnavailable as error:
                    LOG.warning("the database is away, trying again in %s s: %s", RETRY_S, error)
                    await asyncio.sleep(RETRY_S)
                    continue
                if not worked:
                    await self._woken()

    async def _step(self) -> bool:
        """Store what is ready, claim what is queued, and make children of it; False if there is nothing more to do now."""
        drafts, self._drafts = self._drafts, []
        try:
            async with self._database.begin() as connection:
                if drafts:
                    await self._store(connection, drafts)
                free = await proposals.claim(connection, self._owner, BATCH, self._lease_s, FREE_OPERATORS)
                given = [one for one in free if one.operator is Operator.INJECT]
                made = await injection.children(connection, given) if given else []
                bred = [one for one in free if one.operator is not Operator.INJECT]
                material = await self._mutation.gather(connection, bred) if bred else []
                asked = await self._claim_for_models(connection)
        except DatabaseUnavailable:
            self._drafts = drafts + self._drafts
            raise
        for draft in drafts:
            PROPOSALS.labels(draft.answer.reason.value if isinstance(draft.answer, Refused) else "answered").inc()
        self._drafts += [_Draft(claimed, answer, iter(()), 0) for claimed, answer in made]
        for one in material:
            self._drafts.append(self._drafted(one))
            # Calls of models go on meanwhile.
            await asyncio.sleep(0)
        for claimed in asked:
            with about(run=claimed.run, proposal=claimed.number):
                task = asyncio.create_task(self._ask(claimed))
            self._calls[task] = claimed
        # Whoever queues more from here on says so, and is heard since `serve` cleared its event.
        return bool(self._drafts or asked)

    async def _claim_for_models(self, connection: Connection) -> list[ClaimedProposal]:
        if self._proposer is None:
            return []
        # What waits for one endpoint takes no room from what others could answer, and no more is added to it.
        held_up = self._proposer.held_up()
        room = min(self._model_calls, self._model_calls - len(self._calls) + sum(held_up.values()))
        if room <= 0:
            return []
        return await proposals.claim(connection, self._owner, room, self._lease_s, MODEL_OPERATORS, held_up)

    def _drafted(self, material: Material) -> _Draft:
        children = self._mutation.children(material)
        nothing = Refused(Refusal.NOTHING_TO_CHANGE, "no edit of the EVOLVE-BLOCKs made another program that parses")
        return _Draft(material.claimed, next(children, nothing), children, material.known_up_to)

    async def _store(self, connection: Connection, drafts: Sequence[_Draft]) -> None:
        """Write answers and refusals, and tell who waits for them."""
        await self._redraw_known(connection, drafts)
        answers = [(draft.claimed, _new_program(draft.answer)) for draft in drafts if isinstance(draft.answer, Mutant)]
        refusals = [
            NewRefusal(draft.claimed.lease, draft.answer.reason, draft.answer.detail)
            for draft in drafts
            if isinstance(draft.answer, Refused)
        ]
        if answers:
            await proposals.answer_many(connection, answers)
        if refusals:
            await proposals.refuse(connection, refusals)
        await notify(connection, *([EVALUATORS] if answers else []), *([CONTROLLER] if refusals else []))

    async def _redraw_known(self, connection: Connection, drafts: Sequence[_Draft]) -> None:
        """Replace children that the run has already by the next ones of their stream, as long as there are any."""
        waiting = [draft for draft in drafts if draft.claimed.operator is Operator.MUTATE]
        for _ in range(ATTEMPTS):
            known: dict[tuple[int, bytes], int] = {}
            for run in {draft.claimed.run for draft in waiting}:
                hashes = [
                    draft.answer.normalised.hash
                    for draft in waiting
                    if draft.claimed.run == run and isinstance(draft.answer, Mutant)
                ]
                found = await programs.known_hashes(connection, run, hashes) if hashes else {}
                known |= {(run, value): number for value, number in found.items()}
            waiting = [draft for draft in waiting if _redrawn(draft, known)]
            if not waiting:
                return

    async def _ask(self, claimed: ClaimedProposal) -> None:
        """Have a model answer one proposal; what it answered is stored by the next step."""
        if self._proposer is None:
            return
        while True:
            try:
                problem = await self._problem(claimed.problem)
                result = await self._proposer.propose(claimed, problem)
                break
            except DatabaseUnavailable:
                await asyncio.sleep(RETRY_S)
        if isinstance(result, HandedOver):
            return
        if isinstance(result, Child):
            result = checked(result, problem)
        self._drafts.append(_Draft(claimed, result, iter(()), 0))
        self._wake.set()

    async def _problem(self, revision: str) -> Problem:
        kept = self._problems.get(revision)
        if kept is None:
            async with self._database.begin() as connection:
                kept = self._problems[revision] = await problems.load(connection, revision)
        return kept

    async def _listen(self) -> None:
        while True:
            try:
                async with self._database.listen(WORKERS) as hints:
                    while True:
                        if await hints.wait(60.0):
                            self._wake.set()
            except DatabaseUnavailable:
                await asyncio.sleep(RETRY_S)

    async def _keep_leases(self) -> None:
        """Renew the leases of model calls under way; drop a call whose lease went to somebody else."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            calls = dict(self._calls)
            if not calls:
                continue
            try:
                async with self._database.begin() as connection:
                    wanted = [claimed.lease for claimed in calls.values()]
                    held = await leases.extend(connection, Queue.PROPOSAL, wanted, self._lease_s)
            except DatabaseUnavailable as error:
                LOG.warning("leases could not be renewed: %s", error)
                continue
            for task, claimed in calls.items():
                if claimed.lease.id not in held and not task.done():
                    LOG.warning("proposal %s of run %s was given to another worker", claimed.number, claimed.run)
                    task.cancel()

    async def _woken(self) -> None:
        """Wait until there may be something to do."""
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            # A hint may have been lost: the tables are looked at anyway.
            return

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    def _collect(self) -> None:
        """Forget model calls that are done; raise what went wrong in one of them, or in the background."""
        for task in self._background:
            if task.done():
                task.result()
        for task in [task for task in self._calls if task.done()]:
            del self._calls[task]
            if not task.cancelled():
                task.result()

    async def _wind_up(self) -> None:
        """Give calls under way a little time, then store what there is."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=GRACE_S)
        drafts, self._drafts = self._drafts, []
        await _cancelled(list(self._calls))
        if drafts:
            try:
                async with self._database.begin() as connection:
                    await self._store(connection, drafts)
            except DatabaseUnavailable as error:
                LOG.warning("%s answers were not stored and will be made again: %s", len(drafts), error)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _redrawn(draft: _Draft, known: Mapping[tuple[int, bytes], int]) -> bool:
    """Whether the child repeated a program and another one took its place. One that is left stays: it is refused."""
    if not isinstance(draft.answer, Mutant):
        return False
    number = known.get((draft.claimed.run, draft.answer.normalised.hash))
    if number is None or number == draft.claimed.number or number > draft.known_up_to:
        return False
    another = next(draft.others, None)
    draft.answer = another or draft.answer
    return another is not None


def _new_program(mutant: Mutant) -> NewProgram:
    normalised = mutant.normalised
    return NewProgram(mutant.files, normalised.hash, normalised.length, normalised.literals)
