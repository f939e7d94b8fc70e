"""Runs: created whole, served by one controller at a time, each pass of it fenced by its epoch."""

from dataclasses import dataclass
from datetime import datetime

from database.engine import Connection
from evolution.evaluation import Tier
from evolution.problem import Problem
from evolution.run import Budget, RunConfig, RunState, StopReason


@dataclass(frozen=True, slots=True)
class Account:
    """Money and tokens of a run. `limit_micro_dollars` None is no limit; reserved belongs to calls in flight."""

    limit_micro_dollars: int | None
    spent_micro_dollars: int
    reserved_micro_dollars: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored.

    `as_of_event` is the number of its newest event, 0 before the first; `active_s` the seconds that it spent under a
    controller; `secret` the 32 bytes from which the judge's random numbers derive; `champion` the number of the
    verified best program.
    """

    id: int
    problem: str
    config: RunConfig
    seed: int
    secret: bytes
    tier: Tier
    state: RunState
    stop_reason: StopReason | None
    stop_detail: str | None
    stop_asked: bool
    controller_epoch: int
    as_of_event: int
    active_s: float
    champion: int | None
    created_at: datetime
    finished_at: datetime | None
    account: Account


async def create(
    connection: Connection,
    problem: Problem,
    config: RunConfig,
    seed: int,
    tier: Tier,
    *,
    normalised_hash: bytes,
    length: int,
    literals: int,
) -> int:
    """Store a run with everything that it needs to start, and return its id.

    That is the problem (if new), its account, the seed program as number 0 (proposal SEED, answered) and the seed's
    queued search evaluation. `length` (characters of evolvable text) and `literals` (numeric literals in it) are
    those of the seed program.
    """
    raise NotImplementedError


async def load(connection: Connection, run: int) -> RunRow:
    """Read one run.

    Raises:
        NotFound: no such run; the text names the runs that exist.
    """
    raise NotImplementedError


async def unfinished(connection: Connection) -> list[RunRow]:
    """Runs that still need a controller, oldest first."""
    raise NotImplementedError


async def ask_stop(connection: Connection, run: int) -> None:
    """Note that somebody wants the run to stop; its controller obeys at its next pass. Nothing if it is finished.

    Raises:
        NotFound: no such run.
    """
    raise NotImplementedError


async def adopt(connection: Connection, run: int) -> int:
    """Become the run's controller: returns the new epoch; who holds an older one can write nothing more.

    Raises:
        NotFound: no such run.
    """
    raise NotImplementedError


async def lock_for_pass(connection: Connection, run: int, epoch: int) -> RunRow:
    """Lock the run until the transaction ends, and read it. Workers and evaluators are not held up by this lock.

    Raises:
        EpochLost: another controller adopted the run.
        NotFound: no such run.
    """
    raise NotImplementedError


async def save_pass(
    connection: Connection,
    run: int,
    epoch: int,
    *,
    as_of_event: int,
    active_s: float,
    state: RunState,
    stop_reason: StopReason | None = None,
    stop_detail: str | None = None,
    champion: int | None = None,
) -> None:
    """Write what a pass changed in the run's own row (the whole of it: None clears). FINISHED stamps `finished_at`.

    Raises:
        EpochLost: another controller adopted the run.
    """
    raise NotImplementedError


async def reopen(connection: Connection, run: int, budget: Budget) -> None:
    """Let a run go on under another budget: RUNNING again, no stop reason, nobody asks it to stop.

    Raises:
        NotFound: no such run.
        NotAllowed: the new money limit is below what is spent and reserved already.
    """
    raise NotImplementedError
