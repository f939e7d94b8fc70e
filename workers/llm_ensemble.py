"""Asks the configured models: at most so many at a time, again when a failure may pass, never beyond a run's money.

Before each attempt the most that it can cost is reserved; afterwards what it cost is booked. An answer is stored with
that booking, before anybody looks at it, so that no paid token is lost to a crash.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from database import prompt_views
from database.completions import NewCall, OverBudget, Settlement
from database.endpoints import Throttle
from database.engine import Database
from database.errors import DatabaseUnavailable
from database.proposals import ClaimedProposal, LeaseLost
from evolution.models import Model, ModelsError, most_tokens
from evolution.proposal import Refusal
from workers.child import Refused
from workers.ledger import Ledger
from workers.llm import PASSING, UNBILLED, Completed, Endpoint, Failed, Failure
from workers.metrics import CALL_S, CALLS, COST, TOKENS
from workers.prompt_sampler import Prompt, prompt_text

LONGEST_BACKOFF_S = 30.0
LONGEST_RETRY_AFTER_S = 300.0
MICRO = 1_000_000
_DATABASE_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """A paid and stored answer; `finish_reason` is the endpoint's word, `length` for one cut at the limit of tokens."""

    text: str
    finish_reason: str | None


class _Lane:
    """One model's way out of this worker: its connections, its slots, and a pause that the endpoint asked for."""

    def __init__(self, model: Model, key: str | None) -> None:
        self.endpoint = Endpoint(model, key)
        self.slots = asyncio.Semaphore(model.concurrency)
        self.paused_until = 0.0
        self.calls = 0

    @property
    def pause_s(self) -> float:
        return max(0.0, self.paused_until - time.monotonic())


class LlmEnsemble:
    """The models of this worker, by name; close it when done. One object serves any number of calls at once.

    A process is given the keys of the models that its runs ask; the others it cannot ask, and says so if it must.

    Raises:
        ModelsError: `environment` has no key for any of the models.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        models: Mapping[str, Model],
        environment: Mapping[str, str],
        *,
        backoff_s: float = 0.5,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._backoff_s = backoff_s
        self._lanes: dict[str, _Lane] = {}
        self._keyless: dict[str, str] = {}
        for name, model in models.items():
            try:
                self._lanes[name] = _Lane(model, model.key(environment))
            except ModelsError as error:
                self._keyless[name] = str(error)
        if self._keyless and not self._lanes:
            raise ModelsError("\n".join(self._keyless.values()))
        # Only waiting times are drawn from it: no choice of a run depends on them.
        self._jitter = random.Random()

    async def close(self) -> None:
        """Close all connections to endpoints."""
        await asyncio.gather(*(lane.endpoint.close() for lane in self._lanes.values()))

    async def ask(self, claimed: ClaimedProposal, prompt: Prompt) -> Answer | Refused:
        """The answer of the proposal's model, or why there is none.

        Refused BUDGET: the next attempt could cost more than is left. MODEL_FAILED: the last of all attempts failed,
        or the model is not configured, or has no price under a money budget. NO_ANSWER: it answered nothing.
        """
        lane = self._lanes.get(claimed.model or "")
        if lane is None:
            known = ", ".join((*self._lanes, *self._keyless)) or "none"
            unknown = f"no model named {claimed.model!r} is configured here; configured: {known}"
            return Refused(Refusal.MODEL_FAILED, self._keyless.get(claimed.model or "", unknown))
        model = lane.endpoint.model
        if not model.priced and await self._money_limited(claimed.run):
            return Refused(Refusal.MODEL_FAILED, f"model {model.name!r} has no price, and the money of the run is limited")
        lane.calls += 1
        try:
            return await self._ask(claimed, prompt, lane)
        finally:
            lane.calls -= 1

    def held_up(self) -> dict[str, int]:
        """All calls here of the models that must not be asked now, by model: those that wait, and those behind them."""
        held = self._ledger.held_up
        return {name: lane.calls for name, lane in self._lanes.items() if lane.calls and (lane.pause_s or held[name])}

    async def _ask(self, claimed: ClaimedProposal, prompt: Prompt, lane: _Lane) -> Answer | Refused:
        model = lane.endpoint.model
        for attempt in range(model.retries + 1):
            async with lane.slots:
                await asyncio.sleep(lane.pause_s)
                result = await self._attempt(claimed, prompt, model, lane)
            if not isinstance(result, Failed):
                return result
            if result.failure not in PASSING or attempt == model.retries or _too_long(result.retry_after_s):
                return _given_up(model, result, attempt + 1)
            await asyncio.sleep(self._wait_s(attempt, lane, result))
        raise AssertionError("the last attempt returns")

    async def _money_limited(self, run: int) -> bool:
        async with self._database.begin() as connection:
            return await prompt_views.money_limited(connection, run)

    async def _attempt(self, claimed: ClaimedProposal, prompt: Prompt, model: Model, lane: _Lane) -> Answer | Refused | Failed:
        worst = model.worst_case(prompt.messages)
        tokens = most_tokens(prompt.messages) + model.max_tokens
        throttle = Throttle(model.most_calls, model.requests_per_minute)
        call = NewCall(claimed, model.name, prompt.template, prompt_text(prompt.messages), worst, tokens, throttle)
        reserved = await self._ledger.reserve(call)
        if isinstance(reserved, OverBudget):
            most = f"{worst} micro-dollars and {tokens} tokens"
            return Refused(Refusal.BUDGET, f"a call of {model.name!r} may take {most}; {reserved}")
        if isinstance(reserved, LeaseLost):
            return Refused(Refusal.WORKER_LOST, "the proposal was given to another worker")
        result = await lane.endpoint.complete(prompt.messages)
        CALLS.labels(model.name, result.failure.value if isinstance(result, Failed) else "answered").inc()
        CALL_S.labels(model.name).observe(result.latency_s)
        await self._settle(reserved, model, worst, result)
        return Answer(result.text, result.finish_reason) if isinstance(result, Completed) else result

    async def _settle(self, completion: int, model: Model, worst: int, result: Completed | Failed) -> None:
        usage = result.usage
        free = isinstance(result, Failed) and result.failure in UNBILLED
        told = worst if usage is None else model.cost(usage.tokens_in, usage.tokens_out)
        COST.labels(model.name).inc(0 if free else told / MICRO)
        if usage is not None:
            TOKENS.labels(model.name, "in").inc(usage.tokens_in)
            TOKENS.labels(model.name, "out").inc(usage.tokens_out)
        whole = isinstance(result, Completed)
        settlement = Settlement(
            completion,
            answer=result.text if whole else None,
            failure=None if whole else f"{result.failure}: {result.detail}",
            finish_reason=result.finish_reason if whole else None,
            tokens_in=usage.tokens_in if usage else 0,
            tokens_out=usage.tokens_out if usage else 0,
            micro_dollars=0 if free else told,
            latency_s=result.latency_s,
            unreported=usage is None and not free,
            pause_s=self._pause_s(result),
        )
        while True:
            try:
                await self._ledger.settle(settlement)
            except DatabaseUnavailable:
                # The answer is paid for and exists only here: it is kept until the database takes it.
                await asyncio.sleep(_DATABASE_RETRY_S)
            else:
                return

    def _pause_s(self, result: Completed | Failed) -> float | None:
        """How long nobody should call the endpoint, whoever it is; None if it did not say so, or longer than anybody waits."""
        if not isinstance(result, Failed) or result.failure is not Failure.RATE_LIMITED or _too_long(result.retry_after_s):
            return None
        return result.retry_after_s or self._backoff_s

    def _wait_s(self, attempt: int, lane: _Lane, failed: Failed) -> float:
        backoff = min(LONGEST_BACKOFF_S, self._backoff_s * 2.0**attempt) * self._jitter.uniform(0.5, 1.0)
        asked = failed.retry_after_s or 0.0
        if failed.failure is Failure.RATE_LIMITED and asked:
            lane.paused_until = max(lane.paused_until, time.monotonic() + asked)
        return max(backoff, asked)


def _too_long(retry_after_s: float | None) -> bool:
    return retry_after_s is not None and retry_after_s > LONGEST_RETRY_AFTER_S


def _given_up(model: Model, failed: Failed, attempts: int) -> Refused:
    reason = Refusal.NO_ANSWER if failed.failure in {Failure.EMPTY, Failure.FILTERED} else Refusal.MODEL_FAILED
    times = "once" if attempts == 1 else f"{attempts} times"
    asked = f"; it asks to wait {failed.retry_after_s:.0f} s" if _too_long(failed.retry_after_s) else ""
    return Refused(reason, f"model {model.name!r}, asked {times}: {failed.failure}: {failed.detail}{asked}")
