"""The parts of the search state: what is kept of islands, proposals in flight, arms and tuning sessions."""

from array import array
from bisect import insort
from dataclasses import dataclass, field

from evolution.archive import Archive
from evolution.proposal import Operator, TuningStep

EPSILON_SHRINK = 0.8
EPSILON_GROWTH = 1.002
EPSILON_RANGE = 4.0
MATURE = 1500
TRIFLE = 0.01


def _numbers() -> "array[int]":
    return array("i")


def _scores() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class Island:
    """One population. `evaluations` were admitted to it; `risen_at` of them when its best rose to `risen_to`.

    A rise by a trifle does not count there. `valid` and `scores` list its founder and every scored program since, in
    order of admission; among the run's valid programs those count whose place is `valid_from` or later. `barred` are the
    places in `valid` of banned programs, sorted.
    """

    founder: int
    founder_score: float
    valid_from: int
    epsilon: float
    risen_to: float
    evaluations: int = 0
    risen_at: int = 0
    archive: Archive = field(default_factory=Archive)
    valid: "array[int]" = field(default_factory=_numbers)
    scores: "array[float]" = field(default_factory=_scores)
    barred: list[int] = field(default_factory=list[int])

    def add_valid(self, number: int, score: float) -> None:
        """Note a scored program of this island."""
        self.valid.append(number)
        self.scores.append(score)

    @property
    def eligible(self) -> int:
        """How many scored programs may be chosen; the founder is never banned, so there is one at least."""
        return len(self.valid) - len(self.barred)

    def eligible_at(self, place: int) -> tuple[int, float]:
        """Number and score of the program at a place, from 0, among those that may be chosen."""
        for barred in self.barred:
            place += place >= barred
        return self.valid[place], self.scores[place]

    def bar(self, number: int) -> None:
        """Never choose program `number` again; what only it reached counts as not reached. Nothing if it is not here."""
        self.archive.bar(number)
        if number in self.valid and (place := self.valid.index(number)) not in self.barred:
            insort(self.barred, place)
            self.risen_to = min(self.risen_to, max(float(self.archive.scores.max()), self.founder_score))

    def unbar(self, number: int) -> None:
        """Let program `number` be chosen again. Nothing if it is not here."""
        self.archive.unbar(number)
        if number in self.valid and (place := self.valid.index(number)) in self.barred:
            self.barred.remove(place)

    @property
    def alone(self) -> bool:
        """Whether it is too young to learn from other islands: it would soon hold the same programs as they do."""
        return self.evaluations < MATURE

    @property
    def age(self) -> float:
        """From 0 at the founding to 1 when the island is mature."""
        return min(1.0, self.evaluations / MATURE)

    def stagnates(self, patience: int) -> bool:
        """Whether its last `patience` evaluations raised its best by a trifle at most."""
        return self.evaluations - self.risen_at >= patience

    def adapt(self, start: float, *, gained: bool) -> None:
        """Take in that an evaluation ended, and whether the island's best rose.

        A rise counts from `TRIFLE` of all that was gained since the founding: a tuned program can always be tuned a
        little further. `epsilon` grows slowly while nothing is gained and shrinks with every gain, within a factor of
        `EPSILON_RANGE` of its `start` and never above 1.
        """
        self.evaluations += 1
        if gained:
            self._note_rise()
            self.epsilon = max(self.epsilon * EPSILON_SHRINK, start / EPSILON_RANGE)
        else:
            self.epsilon = min(self.epsilon * EPSILON_GROWTH, start * EPSILON_RANGE, 1.0)

    def _note_rise(self) -> None:
        best = float(self.archive.scores.max())
        if best - self.risen_to > TRIFLE * (best - self.founder_score):
            self.risen_to, self.risen_at = best, self.evaluations


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal that is not closed yet. `credit` is the arm that its outcome is told to; `turns` counts repairs.

    `parent_score` is what the child must exceed to be a success; None for the seed program only. `tuning` is None, too, once
    its session was given up; `ideas` are those that the model is told.
    """

    operator: Operator
    island: int
    parent: int | None
    parent_score: float | None
    model: str | None
    tuning: TuningStep | None
    credit: Operator | None
    turns: int
    ideas: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """A program that is a parent with this share, whatever the archive holds; its children live on `island`."""

    number: int
    share: float
    island: int
    score: float


@dataclass(frozen=True, slots=True)
class Injection:
    """A program of somebody's that waits to be a proposal: the command that holds it, and its island, None for any."""

    command: int
    island: int | None


@dataclass(slots=True)
class Arm:
    """One arm of a bandit: decayed counts of successes and failures, and the pulls that are still open."""

    successes: float = 0.0
    failures: float = 0.0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Best:
    """The best recorded score, and how many evaluations it took."""

    number: int
    score: float
    evaluations: int


@dataclass(frozen=True, slots=True)
class Repairable:
    """A crashed child of a valid parent that a model may be shown again, with what went wrong."""

    number: int
    island: int
    parent_score: float
    operator: Operator
    model: str
    turns: int


@dataclass(slots=True)
class TuningSession:
    """A running tuning session. `first` is the number of its first proposal, None until that is asked.

    `asked` and `closed` count proposals of the current `generation`; `stalled` counts the generations in a row
    without a gain; `scored` and `gained` tell of the current one. `run_best` is the best score of the whole run when the
    session began.
    """

    parent: int
    parent_score: float
    island: int
    dimensions: int
    population: int
    generations: int
    first: int | None = None
    generation: int = 0
    asked: int = 0
    closed: int = 0
    best: float | None = None
    stalled: int = 0
    scored: int = 0
    gained: bool = False
    barren: bool = False
    run_best: float | None = None

    def overtaken(self, best: float) -> bool:
        """Whether the run's best has risen since the session began, and not by the session."""
        risen = self.run_best is not None and best > self.run_best
        return risen and (self.best is None or best > self.best)

    def close(self, score: float | None) -> None:
        """Take in that one proposal of the current generation ended; the last one moves on to the next generation."""
        self.closed += 1
        if score is not None:
            self.scored += 1
            to_beat = self.parent_score if self.best is None else max(self.best, self.parent_score)
            self.gained = self.gained or score > to_beat
            self.best = score if self.best is None else max(self.best, score)
        if self.closed == self.population:
            self.barren = self.scored == 0
            self.stalled = 0 if self.gained else self.stalled + 1
            self.generation += 1
            self.asked = self.closed = self.scored = 0
            self.gained = False


@dataclass(slots=True)
class Droughts:
    """How many proposals in a row ended for one kind of cause: what says that going on is useless."""

    money: int = 0
    models: int = 0
    host: int = 0
    programs: int = 0
