"""Asks people in a model's place: hands a proposal over with its prompt, and books their answer when it is back."""

from database import assignments
from database.assignments import Ending, GivenAnswer, Overdue
from database.completions import NewCall, OverBudget, Settlement
from database.engine import Database
from database.proposals import ClaimedProposal, LeaseLost
from evolution.models import People
from evolution.proposal import Refusal
from workers.child import HandedOver, Refused
from workers.ledger import Ledger
from workers.llm_ensemble import Answer
from workers.prompt_sampler import Prompt, prompt_text


class AskedPeople:
    """The people behind one name in the file of models."""

    def __init__(self, database: Database, ledger: Ledger, people: People) -> None:
        self._database = database
        self._ledger = ledger
        self._people = people

    async def ask(self, claimed: ClaimedProposal, prompt: Prompt) -> HandedOver | Refused:
        """Offer a proposal with its prompt to whoever works for the run's project; the claim is void afterwards."""
        async with self._database.begin() as connection:
            made = await assignments.offer(
                connection,
                claimed,
                model=self._people.name,
                template=prompt.template,
                prompt=prompt_text(prompt.messages),
                patience_s=self._people.patience_s,
            )
        match made:
            case LeaseLost():
                return Refused(Refusal.WORKER_LOST, "the proposal was given to another worker")
            case Ending():
                return Refused(Refusal.NO_ANSWER, "the run is ending; people are asked for nothing more")
            case int():
                return HandedOver()

    async def answer(self, claimed: ClaimedProposal, given: GivenAnswer | Overdue) -> Answer | Refused:
        """What people made of a proposal that they had, stored as a model's answer is, for no money."""
        if isinstance(given, Overdue):
            waited = f"nobody of {self._people.name!r} answered within {self._people.patience_s:g} s"
            return Refused(Refusal.NO_ANSWER, waited)
        reserved = await self._ledger.reserve(NewCall(claimed, self._people.name, given.template, given.prompt, 0, 0))
        if isinstance(reserved, OverBudget):
            return Refused(Refusal.BUDGET, "the run has spent more than its limit of money")
        if isinstance(reserved, LeaseLost):
            return Refused(Refusal.WORKER_LOST, "the proposal was given to another worker")
        # Whatever is wrong with this is repeated with the proposal's lease: the answer stays where it is.
        await self._ledger.settle(
            Settlement(
                reserved,
                answer=given.text,
                failure=None,
                finish_reason="stop",
                tokens_in=0,
                tokens_out=0,
                micro_dollars=0,
                latency_s=given.latency_s,
            )
        )
        return Answer(given.text, "stop")
