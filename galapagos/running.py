"""A run from its creation to its end on this machine."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from database import commands, runs, views
from database.engine import Connection
from database.errors import DatabaseUnavailable, NotAllowed
from database.models_file import load_models
from database.views import Live
from evolution.commands import Stop
from evolution.evaluation import Tier
from evolution.examination import examine
from evolution.models import AnyModel, Model, ModelsError, chosen
from evolution.problem import Problem
from evolution.run import Budget, RunConfig, RunState, StopReason
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground
from galapagos.options import LARGEST_SEED
from galapagos.progress import Progress
from galapagos.standing import StandingReader
from galapagos.supervisor import Plan, Supervisor

LOOK_S = 0.5
LIMIT_OF = {
    StopReason.EVALUATIONS: "evaluations",
    StopReason.SECONDS: "seconds",
    StopReason.MONEY: "micro_dollars",
    StopReason.TARGET: "target",
    StopReason.GPU_SECONDS: "gpu_milliseconds",
}
AWAY_S = 60.0
"""A database that does not answer for so long is not waited for any longer."""
CLEAN_END_S = 180.0
"""After the first Ctrl-C: what is in flight is admitted and the best verified within this time."""


def models_for(config: RunConfig, models_file: Path | None) -> list[AnyModel]:
    """The endpoints that a run may ask; those that need a key have one.

    Raises:
        ModelsError: a model that is not configured, has no price under a money budget, or has no key.
    """
    if not config.models:
        return []
    if models_file is None:
        raise ModelsError(
            "--model needs the environment variable GALAPAGOS_MODELS to name the file of models (docs/settings.md)"
        )
    names = [choice.name for choice in config.models]
    found = chosen(load_models(models_file), names, money_limited=config.budget.micro_dollars is not None)
    for model in found:
        if isinstance(model, Model):
            model.key(os.environ)
    return found


async def create_run(ground: Ground, problem: Problem, config: RunConfig, seed: int | None, tier: Tier) -> int:
    """Store a new run and return its number."""
    known = examine(problem)
    drawn = secrets.randbelow(1 << 31) if seed is None else seed
    if not 0 <= drawn <= LARGEST_SEED:
        raise Failure(f"--seed must be from 0 to {LARGEST_SEED}, got {seed}", ExitCode.BAD_INPUT)
    async with ground.database.begin() as connection:
        return await runs.create(
            connection, problem, config, drawn, tier, normalised_hash=known.hash, length=known.length, literals=known.literals
        )


async def close_others(ground: Ground, run: int) -> list[int]:
    """Ask runs that were left unfinished in this folder to stop, so that `run` has the machine; returns their numbers."""
    if ground.server is None:
        return []
    async with ground.database.begin() as connection:
        others = [other for other in await runs.unfinished(connection) if other != run]
        return [other for other in others if await _told_to_stop(connection, other)]


async def _told_to_stop(connection: Connection, run: int) -> bool:
    """Ask a run to stop; False if it is ending already."""
    try:
        await commands.ask(connection, run, Stop())
    except NotAllowed:
        return False
    return True


async def reopen_run(ground: Ground, run: int, limits: Budget) -> None:
    """Make a run go on: an interrupted one under its own limits, and any one under those given here.

    The limit that ended it is dropped unless it is given anew; its other limits hold on.

    Raises:
        Failure: it reached a limit and no other is given, or one is given that is used up already.
    """
    async with ground.database.begin() as connection:
        live = await views.live(connection, run)
        row, given = live.row, limits.model_dump(exclude_none=True)
        ended = row.state not in {RunState.RUNNING, RunState.PAUSED}
        waiting = await commands.waiting(connection, run) if row.steered else []
        if not given and not ended and not any(isinstance(item.command, Stop) for item in waiting):
            return
        if not given and row.state is RunState.FINISHING and row.stop_reason is not StopReason.STOPPED:
            # Cut off while its best was being verified: that is all that is left to do.
            return
        if not given and row.stop_reason not in {None, StopReason.STOPPED, StopReason.DAMAGED}:
            raise Failure(
                f"run {run} has ended ({row.stop_detail}); to let it go on, give a limit: galapagos resume {run} "
                "--evaluations N (or --seconds, --budget, --tokens, --gpu-seconds, --target); limits count from the beginning "
                "of the run",
                ExitCode.BAD_INPUT,
            )
        _refuse_used_up(live, limits)
        reached = LIMIT_OF.get(row.stop_reason) if row.stop_reason is not None and ended else None
        if reached == "micro_dollars" and "tokens" in given:
            # What was too little for the calls may have been the tokens: then the limit of money holds on.
            reached = None
        merged = row.config.budget.model_dump() | ({reached: None} if reached else {}) | given
        await runs.reopen(connection, run, Budget.model_validate(merged))


def _refuse_used_up(live: Live, limits: Budget) -> None:
    used = {
        "evaluations": (limits.evaluations, live.evaluations),
        "seconds": (limits.seconds, live.row.active_s),
        "budget": (limits.micro_dollars, live.row.account.spent_micro_dollars),
        "gpu-seconds": (limits.gpu_milliseconds, live.gpu_milliseconds),
    }
    units = {"budget": "micro-dollars", "gpu-seconds": "GPU milliseconds"}
    for name, (limit, value) in used.items():
        if limit is not None and 0 < limit <= value:
            raise Failure(
                f"--{name}: expected more than the {value:g} {units.get(name, name)} that run {live.row.id} has used already; "
                "limits count from the beginning of the run",
                ExitCode.BAD_INPUT,
            )


@dataclass(slots=True)
class Interruption:
    """How often somebody asked this process to end, and when first."""

    count: int = 0
    first_at: float = 0.0

    def note(self) -> None:
        """Count one more."""
        self.count += 1
        self.first_at = self.first_at or time.monotonic()


@contextmanager
def interruptions() -> Generator[Interruption]:
    """Within the block Ctrl-C and SIGTERM are counted instead of ending the process."""
    seen = Interruption()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, seen.note)
    try:
        yield seen
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def serve_run(ground: Ground, run: int, plan: Plan, progress: Progress) -> Interruption:
    """Run all processes until `run` is finished, or somebody cannot wait for that.

    The first Ctrl-C asks the run to stop: what is in flight is admitted and the best is verified. The second one
    ends at once; the run stays unfinished and can be resumed. So does whatever else ends this process.

    Raises:
        Failure: a process, or the database, cannot be kept alive.
    """
    supervisor = Supervisor(ground, plan)
    reader = StandingReader(ground.database, run)
    patience = _Patience()
    asked = False
    with interruptions() as seen, progress:
        async with supervisor.running():
            while seen.count < 2 and not (asked and time.monotonic() - seen.first_at > CLEAN_END_S):
                supervisor.check()
                try:
                    if seen.count and not asked:
                        await _ask_stop(ground, run, progress.note)
                        asked = True
                    standing = await reader.read()
                except DatabaseUnavailable as error:
                    patience.lost(error)
                else:
                    patience.found()
                    progress.show(standing)
                    if standing.state is RunState.FINISHED:
                        break
                await asyncio.sleep(LOOK_S)
    return seen


async def _ask_stop(ground: Ground, run: int, tell: Callable[[str], None]) -> None:
    try:
        async with ground.database.begin() as connection:
            await commands.ask(connection, run, Stop())
    except NotAllowed as over:
        tell(str(over))
    else:
        tell("stopping: what is in flight is admitted and the best is verified; Ctrl-C again ends at once")


class _Patience:
    """How long the database has been away."""

    def __init__(self) -> None:
        self._since: float | None = None

    def lost(self, error: DatabaseUnavailable) -> None:
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > AWAY_S:
            raise Failure(
                f"the database has not answered for {AWAY_S:.0f} s: {error}; the run can be resumed", ExitCode.MACHINE
            )

    def found(self) -> None:
        self._since = None
