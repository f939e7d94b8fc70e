"""The search state of a run: the fold of its event log.

Everything that a choice depends on is here, and nothing else is: a state that was restored from a snapshot is equal
to one that was folded from the log, and both choose alike. Its size is bounded by the archives and the proposals in
flight; only the numbers and scores of the valid programs (12 bytes each) grow with the run.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from evolution import events as ev
from evolution import steered
from evolution.archive import Elite, Placement
from evolution.evaluation import Verdict
from evolution.events import Cell, Event
from evolution.problem import FeatureAxis
from evolution.proposal import MODEL_OPERATORS, Operator, Refusal
from evolution.run import RunConfig, StopReason, StrategyName
from evolution.state_values import Arm, Best, Droughts, Injection, Island, Pending, Pin, Repairable, TuningSession

DECAY = 0.999
REPAIR_TURNS = 2
REPAIRS_KEPT = 16
VERIFIED_KEPT = 32
HOST_CAUSES = frozenset({Refusal.WORKER_LOST, Refusal.HOST_FAULT})
UNCREDITED = HOST_CAUSES | {Refusal.BUDGET}
UNTOLD = UNCREDITED | {Refusal.MODEL_FAILED}
"""Of these no model has answered: the ideas that it should have been told are told to another one."""


class LogError(ValueError):
    """An event does not fit the state that the earlier ones lead to: the log is not one of this run."""


@dataclass(slots=True)
class SearchState:
    """What the rules of evolution choose from. Changed by `apply` alone, one event of the log at a time.

    `events` is the number of the newest event taken in; `next_number` that of the next proposal; `valid_total`
    the count of scored programs, so the newest one's `valid_number` is `valid_total - 1`. `verified` maps numbers to
    verified scores, None where there is none. `touched` are the cells changed since they were last drained. `config` is
    in force now: people may set another budget and other models while the run goes on. `pins` and `banned` are by number of
    the program; `ideas` maps the commands that gave them to the prompts that still get them, None for all.
    """

    config: RunConfig
    axes: tuple[FeatureAxis, ...]
    seed: int
    events: int = 0
    next_number: int = 1
    evaluations: int = 0
    valid_total: int = 0
    islands: list[Island] = field(default_factory=list[Island])
    pending: dict[int, Pending] = field(default_factory=dict[int, Pending])
    operators: dict[Operator, Arm] = field(default_factory=dict[Operator, Arm])
    models: dict[str, Arm] = field(default_factory=dict[str, Arm])
    best: Best | None = None
    records: int = 0
    seed_elite: tuple[Cell, Elite] | None = None
    tuning: TuningSession | None = None
    tuned: list[int] = field(default_factory=list[int])
    tune_asked: int = 0
    tune_evaluations: int = 0
    tuning_ended_at: int = 0
    repairs: deque[Repairable] = field(default_factory=deque[Repairable])
    verifying: set[int] = field(default_factory=set[int])
    verified: dict[int, float | None] = field(default_factory=dict[int, "float | None"])
    verification_asked_at: int = 0
    droughts: Droughts = field(default_factory=Droughts)
    seed_refused: bool = False
    pins: dict[int, Pin] = field(default_factory=dict[int, Pin])
    banned: set[int] = field(default_factory=set[int])
    injections: deque[Injection] = field(default_factory=deque[Injection])
    ideas: dict[int, int | None] = field(default_factory=dict[int, "int | None"])
    paused: bool = False
    stopping: StopReason | None = None
    finished: bool = False
    champion: int | None = None
    touched: set[tuple[int, Cell]] = field(default_factory=set[tuple[int, Cell]], compare=False)

    @classmethod
    def begin(cls, config: RunConfig, axes: tuple[FeatureAxis, ...], seed: int) -> Self:
        """The state of a run of which no event is written: the seed program, number 0, waits for its evaluation."""
        state = cls(config=config, axes=axes, seed=seed)
        state.pending[0] = Pending(Operator.SEED, 0, None, None, None, None, None, 0)
        if config.models:
            for operator in steered.MODEL_ARMS:
                state.operators[operator] = Arm()
            state.models = {model.name: Arm() for model in config.models}
        if config.mutate:
            state.operators[Operator.MUTATE] = Arm()
        return state

    @property
    def next_to_close(self) -> int | None:
        """The smallest number in flight: under `FIXED_LAG` the only one that may be closed."""
        return next(iter(self.pending), None)

    @property
    def told_ideas(self) -> tuple[int, ...]:
        """The ideas that the next prompt gets, in the order in which they were given."""
        return tuple(idea for idea, left in self.ideas.items() if left is None or left > 0)

    def drain(self) -> dict[tuple[int, Cell], Elite | None]:
        """The cells changed since the last call, with the elite that each now has; None where a cell was emptied."""
        drained = {(island, cell): self.islands[island].archive.get(cell) for island, cell in sorted(self.touched)}
        self.touched.clear()
        return drained

    def find_elite(self, number: int) -> tuple[int, Elite] | None:
        """The first island in which program `number` is an elite, and the elite; None if there is none."""
        for index, island in enumerate(self.islands):
            elite = island.archive.find(number)
            if elite is not None:
                return index, elite
        return None

    def apply(self, event: Event) -> None:
        """Take in the next event of the log.

        Raises:
            LogError: the event cannot follow the ones before it; the state must then be thrown away.
        """
        self.events += 1
        match event:
            case ev.Proposed():
                self._proposed(event)
            case ev.Refused():
                self._refused(event)
            case ev.Admitted():
                self._admitted(event)
            case ev.NewBest():
                self.best = Best(event.number, event.score, event.evaluations)
                self.records += 1
            case ev.IslandSpawned() | ev.IslandReset():
                self._founded(event)
            case ev.TuningStarted() | ev.TuningEnded():
                self._tuning(event)
            case ev.VerificationAsked() | ev.Verified():
                self._verification(event)
            case ev.Resumed() | ev.Stopping() | ev.Finished():
                self._phase(event)
            case _:
                self._steered(event)

    def _proposed(self, event: ev.Proposed) -> None:
        if event.number != self.next_number:
            raise LogError(f"event {self.events}: expected proposal {self.next_number}, got {event.number}")
        if not 0 <= event.island < len(self.islands):
            raise LogError(f"event {self.events}: there is no island {event.island} to choose a parent of")
        self.next_number += 1
        credit, turns = event.operator, 0
        if event.operator is Operator.REPAIR:
            broken = self._take_repair(event.parent)
            credit, turns = broken.operator, broken.turns + 1
        elif event.operator is Operator.TUNE:
            credit = None
            self._asked_tuning(event.number)
        elif event.operator is Operator.INJECT:
            credit = None
            self._take_injection(event)
        else:
            self.islands[event.island].archive.count_child(event.parent)
        for arm in self._credited(credit, event.model):
            arm.pending += 1
        for idea in event.ideas:
            steered.tell(self, idea, -1)
        self.pending[event.number] = Pending(
            event.operator,
            event.island,
            event.parent,
            event.parent_score,
            event.model,
            event.tuning,
            credit,
            turns,
            event.ideas,
        )

    def _take_injection(self, event: ev.Proposed) -> None:
        if not self.injections or self.injections[0].command != event.injection:
            raise LogError(f"event {self.events}: no program of command {event.injection} waits to be proposed")
        self.injections.popleft()

    def _take_repair(self, number: int) -> Repairable:
        for broken in self.repairs:
            if broken.number == number:
                self.repairs.remove(broken)
                return broken
        raise LogError(f"event {self.events}: program {number} does not wait for a repair")

    def _asked_tuning(self, number: int) -> None:
        if self.tuning is None:
            raise LogError(f"event {self.events}: proposal {number} tunes, but no tuning session runs")
        self.tuning.first = number if self.tuning.first is None else self.tuning.first
        self.tuning.asked += 1
        self.tune_asked += 1

    def _credited(self, operator: Operator | None, model: str | None) -> Iterator[Arm]:
        if operator is not None and operator in self.operators:
            yield self.operators[operator]
        if model is not None and model in self.models:
            yield self.models[model]

    def _close(self, number: int, score: float | None, *, tell: bool) -> Pending:
        pending = self.pending.pop(number, None)
        if pending is None:
            raise LogError(f"event {self.events}: proposal {number} is not in flight, so it cannot be closed")
        success = score is not None and pending.parent_score is not None and score > pending.parent_score
        groups = list(self._credited(pending.credit, pending.model))
        for arm in groups:
            arm.pending -= 1
        if tell and groups:
            self._decay(pending)
            for arm in groups:
                arm.successes += success
                arm.failures += not success
        if pending.tuning is not None:
            self._closed_tuning(score)
        return pending

    def _decay(self, pending: Pending) -> None:
        told = [*self.operators.values()] if pending.credit in self.operators else []
        told += [*self.models.values()] if pending.model in self.models else []
        for arm in told:
            arm.successes *= DECAY
            arm.failures *= DECAY

    def _closed_tuning(self, score: float | None) -> None:
        if self.tuning is None:
            raise LogError(f"event {self.events}: a tuning proposal closed, but no tuning session runs")
        self.tuning.close(score)

    def _refused(self, event: ev.Refused) -> None:
        pending = self._close(event.number, None, tell=event.reason not in UNCREDITED)
        if event.reason in UNTOLD:
            for idea in pending.ideas:
                steered.tell(self, idea, 1)
        if pending.operator is Operator.SEED:
            self.seed_refused = True
        elif event.reason is Refusal.BUDGET:
            self.droughts.money += 1
        elif event.reason is Refusal.MODEL_FAILED:
            self.droughts.models += 1
        elif event.reason in HOST_CAUSES:
            self.droughts.host += 1
        else:
            self.droughts.programs += 1
            self._model_answered(pending)

    def _model_answered(self, pending: Pending) -> None:
        if pending.operator in MODEL_OPERATORS:
            self.droughts.money = self.droughts.models = 0

    def _admitted(self, event: ev.Admitted) -> None:
        pending = self._close(event.number, event.score, tell=True)
        self.evaluations += 1
        self.tune_evaluations += pending.operator is Operator.TUNE
        self.droughts.host = self.droughts.programs = 0
        self._model_answered(pending)
        if event.score is None:
            self._crashed(event, pending)
        elif pending.operator is Operator.SEED:
            self._seeded(event, event.score)
        if pending.operator is not Operator.SEED:
            self._settled(event, pending.island)

    def _crashed(self, event: ev.Admitted, pending: Pending) -> None:
        repairable = event.verdict is Verdict.CRASHED and pending.operator in MODEL_OPERATORS
        if not repairable or pending.turns >= REPAIR_TURNS:
            return
        if pending.model is None or pending.parent_score is None or pending.credit is None:
            raise LogError(f"event {self.events}: proposal {event.number} of a model names no model or no scored parent")
        if pending.model not in self.models or event.number in self.banned:
            # Somebody took the model out of the run meanwhile, or wants no child of its kind.
            return
        self.repairs.append(
            Repairable(event.number, pending.island, pending.parent_score, pending.credit, pending.model, pending.turns)
        )
        if len(self.repairs) > REPAIRS_KEPT:
            self.repairs.popleft()

    def _seeded(self, event: ev.Admitted, score: float) -> None:
        if event.cell is None:
            raise LogError(f"event {self.events}: a scored program needs a cell")
        self.valid_total = 1
        count = self.config.islands if self.config.strategy is StrategyName.ISLANDS else 1
        elite = Elite(event.number, score, event.length, event.literals, self.events)
        self.seed_elite = event.cell, elite
        for index in range(count):
            self.islands.append(self._new_island(index, event.cell, elite))

    def _new_island(self, index: int, cell: Cell, elite: Elite) -> Island:
        island = Island(elite.number, elite.score, self.valid_total, self.config.epsilon, elite.score)
        island.add_valid(elite.number, elite.score)
        island.archive.put(cell, elite)
        self.touched.add((index, cell))
        return island

    def _settled(self, event: ev.Admitted, index: int) -> None:
        island = self.islands[index]
        gained = False
        if event.score is not None:
            if event.cell is None:
                raise LogError(f"event {self.events}: a scored program needs a cell")
            gained = event.score > float(island.archive.scores.max()) and event.number not in self.banned
            self.valid_total += 1
            island.add_valid(event.number, event.score)
            if event.placement in {Placement.NEW, Placement.IMPROVED}:
                elite = Elite(event.number, event.score, event.length, event.literals, self.events)
                island.archive.put(event.cell, elite)
                self.touched.add((index, event.cell))
            if event.number in self.banned:
                island.bar(event.number)
        island.adapt(self.config.epsilon, gained=gained)

    def _founded(self, event: ev.IslandSpawned | ev.IslandReset) -> None:
        fits = event.island == len(self.islands) if isinstance(event, ev.IslandSpawned) else event.island < len(self.islands)
        if self.seed_elite is None or self.seed_elite[1].number != event.founder or not fits:
            raise LogError(f"event {self.events}: island {event.island} cannot be founded with program {event.founder}")
        cell, elite = self.seed_elite
        copied = replace(elite, at=self.events)
        if isinstance(event, ev.IslandSpawned):
            self.islands.append(self._new_island(event.island, cell, copied))
        else:
            self.touched.update((event.island, old) for old in self.islands[event.island].archive.cells())
            self.repairs = deque(broken for broken in self.repairs if broken.island != event.island)
            self.islands[event.island] = self._new_island(event.island, cell, copied)

    def _tuning(self, event: ev.TuningStarted | ev.TuningEnded) -> None:
        if isinstance(event, ev.TuningEnded):
            self.tuning = None
            self.tuning_ended_at = self.evaluations
            return
        elite = self.islands[event.island].archive.find(event.parent) if event.island < len(self.islands) else None
        if elite is None or self.tuning is not None:
            raise LogError(f"event {self.events}: program {event.parent} cannot be tuned: no elite, or another session runs")
        self.tuning = TuningSession(
            event.parent,
            elite.score,
            event.island,
            event.dimensions,
            event.population,
            event.generations,
            run_best=self.best.score if self.best else None,
        )
        self.tuned = sorted({*(number for number in self.tuned if self.find_elite(number) is not None), event.parent})

    def _verification(self, event: ev.VerificationAsked | ev.Verified) -> None:
        if isinstance(event, ev.VerificationAsked):
            self.verifying.add(event.number)
            if event.command is None:
                self.verification_asked_at = self.evaluations
            return
        if event.number not in self.verifying:
            raise LogError(f"event {self.events}: no verification of program {event.number} was asked for")
        self.verifying.remove(event.number)
        if event.number in self.banned:
            return
        if self.verified.get(event.number) is not None and (event.score is not None or event.verdict is None):
            # The first score counts: nobody gets a better one by asking until luck gives it, but who fails loses it.
            return
        self.verified[event.number] = event.score
        # A stopping run forgets none: a finalist that failed must not be asked for again.
        while self.stopping is None and len(self.verified) > VERIFIED_KEPT:
            kept = {0, event.number, self.best.number if self.best else 0}
            score = {number: -float("inf") if found is None else found for number, found in self.verified.items()}
            del self.verified[min(score.keys() - kept, key=lambda number: (score[number], number))]

    def _phase(self, event: ev.Resumed | ev.Stopping | ev.Finished) -> None:
        match event:
            case ev.Stopping():
                self.stopping, self.paused = event.reason, False
            case ev.Finished():
                self.finished, self.champion = True, event.champion
            case ev.Resumed():
                # A run that is taken up again after its end was given a new budget; any other goes on where it was.
                if self.finished or event.reopened:
                    self.stopping, self.finished, self.champion = None, False, None

    def _steered(self, event: steered.SteeringEvent) -> None:
        try:
            steered.apply(self, event)
        except steered.SteeringError as error:
            raise LogError(f"event {self.events}: {error}") from error
