"""Makes a child by asking a language model, or people in its place, and by applying what the answer asks for to the parent."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from database import assignments, completions, prompt_views
from database.engine import Database
from database.proposals import ClaimedProposal
from evolution.models import AnyModel, Model, People
from evolution.problem import Problem
from evolution.proposal import Refusal
from workers.asked_people import AskedPeople
from workers.child import Child, HandedOver, Refused
from workers.diff import NotApplied, apply_answer
from workers.ledger import Ledger
from workers.llm_ensemble import Answer, LlmEnsemble
from workers.prompt_sampler import prompt_for


class ModelProposer:
    """An async context manager that answers any number of proposals at once with the models of this worker.

    `environment` holds the models' keys; `backoff_s` is the wait before the first repetition of a failed call.

    Raises:
        ModelsError: `environment` has no key for any of the models.
    """

    def __init__(
        self, database: Database, models: Mapping[str, AnyModel], environment: Mapping[str, str], *, backoff_s: float = 0.5
    ) -> None:
        self._database = database
        ledger = Ledger(database)
        endpoints = {name: model for name, model in models.items() if isinstance(model, Model)}
        self._ensemble = LlmEnsemble(database, ledger, endpoints, environment, backoff_s=backoff_s)
        self._people = {
            name: AskedPeople(database, ledger, model) for name, model in models.items() if isinstance(model, People)
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ensemble.close()

    def held_up(self) -> Mapping[str, int]:
        """Calls that are here for models whose endpoints must not be called now, by model."""
        return self._ensemble.held_up()

    async def propose(self, claimed: ClaimedProposal, problem: Problem) -> Child | Refused | HandedOver:
        """One child of a proposal with a model operator, or why there is none, or that people were asked for one.

        An answer that was paid for by a worker that died is used instead of asking again. Whether the child is a
        duplicate or has a syntax error is not looked at here.

        Raises:
            NotFound: the parent does not exist.
            DatabaseUnavailable: nothing is lost; the proposal can be made again when its lease has expired.
        """
        people = self._people.get(claimed.model or "")
        async with self._database.begin() as connection:
            stored = await completions.stored_answer(connection, claimed)
            given = None if people is None or stored is not None else await assignments.take_up(connection, claimed)
            view = await prompt_views.load(connection, claimed)
        if stored is not None:
            answer: Answer | Refused | HandedOver = Answer(stored.text, stored.finish_reason)
        elif people is not None and given is not None:
            answer = await people.answer(claimed, given)
        elif people is not None:
            answer = await people.ask(claimed, prompt_for(claimed, problem, view))
        else:
            answer = await self._ensemble.ask(claimed, prompt_for(claimed, problem, view))
        if not isinstance(answer, Answer):
            return answer
        return child_of(view.parent.program.files, answer, problem.definition.limits.source_kib)


def child_of(parent: Mapping[str, str], answer: Answer, source_kib: int) -> Child | Refused:
    """What an answer makes of its parent. Half an answer is never used: half an idea is another idea."""
    if answer.finish_reason == "length":
        return Refused(Refusal.NO_ANSWER, "the answer was cut off at the limit of tokens; answer with less text")
    applied = apply_answer(parent, answer.text)
    if isinstance(applied, NotApplied):
        return Refused(applied.reason, applied.detail)
    size = sum(map(len, applied.files.values()))
    if size > source_kib * 1024:
        return Refused(Refusal.TOO_LONG, f"the program has {size} characters; at most {source_kib * 1024} are allowed")
    return Child(applied.files)
