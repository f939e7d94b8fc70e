"""A run as its controller holds it: the search state in memory, which the tables can restore at any time."""

from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Self

from database import archive, problems, runs
from database.engine import Connection
from evolution import snapshot
from evolution.archive import Elite
from evolution.gpu_time import GpuTime
from evolution.state import SearchState

LEAST_WAITING = 4
AHEAD_S = 0.2
"""Programs that wait for an evaluator: at least so many, and as many as are judged in so many seconds. More would only make
parents stale, which a slow judge feels most; fewer would leave slots idle between two passes."""
RATE_S = 2.0
MEAN_OF = 16


@dataclass(slots=True)
class ActiveRun:
    """One run under this controller. Thrown away after any failed pass: what counts is in the tables.

    `epoch` fences every write; `seconds` is the time that the run has spent under a controller; `sign` turns a
    recorded score into the problem's own (raw = sign x recorded); `resumed` is true until the log says so. `noted` are the
    kinds of the events of the last pass, and `waiting` is how many programs waited for an evaluator when it began.
    `gpu_time` is what its evaluations may take of GPUs.
    """

    id: int
    epoch: int
    state: SearchState
    sign: float
    seconds: float
    resumed: bool
    gpu_time: GpuTime
    touched_at: float = field(default_factory=monotonic)
    rate: float = 0.0
    counted_at: float = field(default_factory=monotonic)
    counted: int = 0
    mean_s: float = 0.0
    mean_gpu_s: float = 0.0
    noted: tuple[str, ...] = ()
    waiting: int = 0

    @classmethod
    async def adopt(cls, connection: Connection, run: int) -> Self:
        """Become the run's controller and read its search state; nothing of the log is folded.

        Raises:
            NotFound: no such run.
        """
        epoch = await runs.adopt(connection, run)
        row = await runs.load(connection, run)
        first_config = await runs.first_config(connection, run)
        definition = (await problems.load(connection, row.problem)).definition
        stored = await archive.load(connection, run)
        if stored is None:
            state = SearchState.begin(first_config, definition.axes, row.seed)
        else:
            elites = (
                (item.island, item.cell, Elite(item.number, item.score, item.length, item.literals, item.at_event))
                for item in stored.elites
            )
            valid = await archive.load_scored(connection, run)
            state = snapshot.restore(first_config, definition.axes, row.seed, stored.state, elites, valid)
        return cls(
            id=run,
            epoch=epoch,
            state=state,
            sign=definition.score.sign,
            counted=state.evaluations,
            seconds=row.active_s,
            resumed=stored is not None,
            gpu_time=GpuTime.of(definition),
            mean_s=row.mean_s,
            mean_gpu_s=row.mean_gpu_s,
        )

    def tick(self) -> None:
        """Add the time since the last pass to the run's own clock; it stands still while the run is paused or not served."""
        now = monotonic()
        if not self.state.paused:
            self.seconds += now - self.touched_at
        self.touched_at = now
        if now - self.counted_at >= RATE_S:
            self.rate = (self.state.evaluations - self.counted) / (now - self.counted_at)
            self.counted, self.counted_at = self.state.evaluations, now

    def note_duration(self, seconds: float, gpu_seconds: float) -> None:
        """Take in how long an evaluation took, and held GPUs, for the means of about the last `MEAN_OF`."""
        self.mean_s = _mean(self.mean_s, seconds)
        self.mean_gpu_s = _mean(self.mean_gpu_s, gpu_seconds)

    @property
    def is_short_of_work(self) -> bool:
        """Whether something is open, but nothing waited for an evaluator: the next proposals are wanted soon."""
        return self.waiting == 0 and bool(self.state.pending)

    @property
    def most_waiting(self) -> int:
        """How many programs may wait for an evaluator."""
        return max(LEAST_WAITING, ceil(AHEAD_S * self.rate))


def _mean(before: float, newest: float) -> float:
    return newest if before == 0 else before + (newest - before) / MEAN_OF
