"""Runs: created whole, served by one controller at a time, each pass of it fenced by its epoch."""

import secrets

import sqlalchemy as sa

from database import allowances, allowed_models, audit, blobs, problems, projects, retention
from database.encoding import storable
from database.engine import Connection
from database.errors import EpochLost, NotAllowed, NotFound
from database.run_rows import SELECT, Facts, RunRow, run_config, run_row
from evolution.evaluation import Tier
from evolution.gpu_time import GpuTime
from evolution.limits import Resource
from evolution.problem import Problem
from evolution.program import Program
from evolution.run import Budget, RunConfig, RunState, StopReason

DEFAULT_PROJECT = 1
"""The project that every installation has: what is started without naming another one belongs to it."""


_LOAD = sa.text(f"{SELECT} WHERE r.id = :run")
_LOAD_CONFIG = sa.text("SELECT id, CAST(config AS text) AS config FROM run WHERE id = :run")
_FACTS = sa.text("""
    SELECT r.project, CASE p.definition -> 'score' ->> 'direction' WHEN 'minimize' THEN -1.0 ELSE 1.0 END AS sign
    FROM run r JOIN problem p ON p.revision = r.problem WHERE r.id = :run
""")
_UNFINISHED = sa.text("SELECT id FROM run WHERE state <> 'finished' ORDER BY id")
# Not FOR UPDATE: that would hold up every insert whose foreign key names the run.
_LOCK = sa.text(f"{SELECT} WHERE r.id = :run FOR NO KEY UPDATE OF r")
_LOCK_SHARED = sa.text(f"{SELECT} WHERE r.id = :run FOR SHARE OF r")
_NEWEST = sa.text("SELECT id FROM run ORDER BY id DESC LIMIT 10")
_CREATE = sa.text(
    "INSERT INTO run (project, person, origin_run, origin_program, problem, config, first_config, seed, secret, tier, "
    "gpus) "
    "VALUES (:project, :person, :origin_run, :origin_program, :problem, CAST(:config AS jsonb), CAST(:config AS jsonb), "
    ":seed, :secret, CAST(CAST(:tier AS text) AS tier), :gpus) RETURNING id"
)
_CREATE_REST = sa.text("""
    WITH money AS (INSERT INTO account (run, limit_micro_dollars) VALUES (:run, :limit)),
    turns AS (INSERT INTO turn (run, share) SELECT :run, unnest(enum_range(CAST(NULL AS share)))),
    rest AS (
        INSERT INTO allowance (run, resource, most)
        VALUES (:run, 'tokens', :tokens), (:run, 'evaluations', NULL), (:run, 'gpu_milliseconds', :gpu_milliseconds)
    ),
    asked AS (
        INSERT INTO proposal (run, number, seen_event, operator, island, inspirations, state)
        VALUES (:run, 0, 0, 'seed', 0, '{}', 'answered')
    ),
    seed AS (
        INSERT INTO program (run, number, island, files, normalised_hash, length, literals, generation)
        VALUES (:run, 0, 0, :files, :hash, :length, :literals, 0) RETURNING id
    )
    INSERT INTO evaluation (run, program, purpose, tier)
    SELECT :run, seed.id, 'search', CAST(CAST(:tier AS text) AS tier) FROM seed
""")
_FIRST_CONFIG = sa.text("SELECT id, CAST(first_config AS text) AS config FROM run WHERE id = :run")
_SET_PRIORITY = sa.text("UPDATE run SET priority = :priority WHERE id = :run RETURNING id")
_SAVE_CONFIG = sa.text("UPDATE run SET config = CAST(:config AS jsonb) WHERE id = :run")
_ADOPT = sa.text("UPDATE run SET controller_epoch = controller_epoch + 1 WHERE id = :run RETURNING controller_epoch")
_SAVE = sa.text("""
    UPDATE run SET as_of_event = :as_of_event, active_s = :active_s, mean_s = :mean_s, mean_gpu_s = :mean_gpu_s,
        state = CAST(CAST(:state AS text) AS runstate), stop_reason = CAST(CAST(:stop_reason AS text) AS stopreason),
        stop_detail = :stop_detail, champion = :champion,
        finished_at = CASE CAST(:state AS text) WHEN 'finished' THEN coalesce(finished_at, clock_timestamp()) END
    WHERE id = :run AND controller_epoch = :epoch RETURNING id
""")
_LIMIT = sa.text("""
    UPDATE account SET limit_micro_dollars = CAST(:limit AS bigint)
    WHERE run = :run AND (CAST(:limit AS bigint) IS NULL OR spent_micro_dollars + reserved_micro_dollars <= :limit)
    RETURNING run
""")
_REOPEN = sa.text("""
    WITH outdated AS (
        UPDATE command SET state = 'refused', detail = 'the run was taken up again before it was stopped'
        WHERE run = :run AND state = 'waiting' AND kind = 'stop'
    )
    UPDATE run SET config = CAST(:config AS jsonb), state = CASE state WHEN 'paused' THEN state ELSE 'running' END,
        stop_reason = NULL, stop_detail = NULL, finished_at = NULL, controller_epoch = controller_epoch + 1
    WHERE id = :run
""")


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
    project: int = DEFAULT_PROJECT,
    person: int | None = None,
    origin: Program | None = None,
) -> int:
    """Store a run with everything that it needs to start, and return its id.

    That is the problem (if new; the project knows it from now on), its account, the seed program as number 0 (proposal
    SEED, answered) and the seed's queued search evaluation. `length` (characters of evolvable text) and `literals`
    (numeric literals in it) are those of the seed program: that of the problem, or for a fork `origin`, a program of
    another run. `person` started it, None is the command line.

    Raises:
        ModelsNotAllowed: the project may not use its models.
        NotAllowed: fewer GPU seconds are left than its seed program and the verifications may take.
    """
    await allowed_models.check(connection, project, [model.name for model in config.models])
    await problems.store(connection, problem)
    await problems.add(connection, project, problem.revision)
    seed_files = problem.seed_files if origin is None else origin.files
    files = (await blobs.put(connection, [blobs.pack_files(seed_files)]))[0]
    row = {
        "project": project,
        "person": person,
        "origin_run": None if origin is None else origin.run,
        "origin_program": None if origin is None else origin.number,
        "problem": problem.revision,
        "config": config.model_dump_json(),
        "seed": seed,
        "secret": secrets.token_bytes(32),
        "tier": tier.value,
        "gpus": problem.definition.gpus,
    }
    run: int = (await connection.execute(_CREATE, row)).scalar_one()
    rest = {
        "run": run,
        "limit": config.budget.micro_dollars,
        "tokens": config.budget.tokens,
        "gpu_milliseconds": config.budget.gpu_milliseconds,
        "files": files,
        "hash": normalised_hash,
        "length": length,
        "literals": literals,
        "tier": tier.value,
    }
    await connection.execute(_CREATE_REST, rest)
    gpu_time = GpuTime.of(problem.definition)
    if gpu_time.any:
        await allowances.reserve_gpus(connection, run, project, person, gpu_time.at_first)
    return run


async def load(connection: Connection, run: int) -> RunRow:
    """Read one run.

    Raises:
        NotFound: no such run; the text names the newest runs that exist.
        Damaged: its configuration is not one that this version knows.
    """
    row = (await connection.execute(_LOAD, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    return run_row(row)


async def load_config(connection: Connection, run: int) -> RunConfig:
    """Read the options of one run alone, for processes that may not see the rest of its row.

    Raises:
        NotFound: no such run; the text names the newest runs that exist.
        Damaged: they are not what this version knows.
    """
    row = (await connection.execute(_LOAD_CONFIG, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    return run_config(row)


async def facts(connection: Connection, run: int) -> Facts | None:
    """What never changes of a run; None if there is no such run."""
    row = (await connection.execute(_FACTS, {"run": run})).first()
    return None if row is None else Facts(row.project, float(row.sign))


async def unfinished(connection: Connection) -> list[int]:
    """The numbers of the runs that still need a controller, oldest first. One that is damaged hides no other."""
    return list((await connection.execute(_UNFINISHED)).scalars())


async def first_config(connection: Connection, run: int) -> RunConfig:
    """What the run began with: its log is replayed from there.

    Raises:
        NotFound: no such run.
        Damaged: it is not a configuration that this version knows.
    """
    row = (await connection.execute(_FIRST_CONFIG, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    return run_config(row)


async def lock_shared(connection: Connection, run: int) -> RunRow:
    """Read the run, and hold up passes over it until the transaction ends: what it says now, its next pass will find.

    Raises:
        NotFound: no such run.
        Damaged: its configuration is not one that this version knows.
    """
    row = (await connection.execute(_LOCK_SHARED, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    return run_row(row)


async def adopt(connection: Connection, run: int) -> int:
    """Become the run's controller: returns the new epoch; who holds an older one can write nothing more.

    Raises:
        NotFound: no such run.
    """
    epoch: int | None = (await connection.execute(_ADOPT, {"run": run})).scalar_one_or_none()
    if epoch is None:
        raise await _not_found(connection, run)
    return epoch


async def lock_for_pass(connection: Connection, run: int, epoch: int) -> RunRow:
    """Lock the run until the transaction ends, and read it. Workers and evaluators are not held up by this lock.

    Raises:
        EpochLost: another controller adopted the run.
        NotFound: no such run.
    """
    row = (await connection.execute(_LOCK, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    if row["controller_epoch"] != epoch:
        raise _epoch_lost(run, epoch)
    return run_row(row)


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
    mean_s: float = 0.0,
    mean_gpu_s: float = 0.0,
) -> None:
    """Write what a pass changed in the run's own row (the whole of it: None clears). FINISHED stamps `finished_at`.

    Raises:
        EpochLost: another controller adopted the run.
    """
    row = {
        "run": run,
        "epoch": epoch,
        "as_of_event": as_of_event,
        "active_s": active_s,
        "mean_s": mean_s,
        "mean_gpu_s": mean_gpu_s,
        "state": state.value,
        "stop_reason": None if stop_reason is None else stop_reason.value,
        "stop_detail": None if stop_detail is None else storable(stop_detail),
        "champion": champion,
    }
    if (await connection.execute(_SAVE, row)).first() is None:
        raise _epoch_lost(run, epoch)


async def reopen(connection: Connection, run: int, budget: Budget) -> None:
    """Let a run go on under another budget: RUNNING again, or still PAUSED; no stop reason, nobody asks it to stop.

    A controller that serves it loses its epoch, for it knows the old budget.

    Raises:
        NotFound: no such run.
        NotAllowed: a new limit is below what is spent and reserved already, here or (evaluations) by project or person;
            or the project may not use its models any more (ModelsNotAllowed), or the run lost its texts by retention.
    """
    row = (await connection.execute(_LOCK, {"run": run})).mappings().first()
    if row is None:
        raise await _not_found(connection, run)
    await retention.refuse_removed(connection, run, "it cannot go on")
    found = run_row(row)
    await allowed_models.check(connection, found.project, [model.name for model in found.config.models])
    if found.stop_reason is StopReason.DAMAGED:
        await allowances.reserve(connection, run)
    await limit_spending(connection, found, budget)
    config = found.config.model_copy(update={"budget": budget})
    await connection.execute(_REOPEN, {"run": run, "config": config.model_dump_json()})


async def limit_spending(connection: Connection, row: RunRow, budget: Budget) -> None:
    """Bound the money, the tokens and the GPU seconds of a run by `budget`.

    Raises:
        NotAllowed: a limit is below what is spent and reserved already; nothing was written.
    """
    async with connection.begin_nested():
        if (await connection.execute(_LIMIT, {"run": row.id, "limit": budget.micro_dollars})).first() is None:
            raise below_spent(row, budget)
        limits = {Resource.GPU_MILLISECONDS: budget.gpu_milliseconds, Resource.TOKENS: budget.tokens}
        await allowances.limit_run(connection, row.id, limits)


def below_spent(row: RunRow, budget: Budget) -> NotAllowed:
    """What is to be said of a limit of money that is used up already."""
    used = row.account.spent_micro_dollars + row.account.reserved_micro_dollars
    return NotAllowed(
        f"run {row.id} has spent or reserved {used} micro-dollars already; expected a money limit of at least that, got "
        f"{budget.micro_dollars}; raise the limit"
    )


async def set_priority(connection: Connection, run: int, priority: float, *, by: audit.Actor | None) -> None:
    """Give a run another share of slots and of model calls among the runs of its project.

    Raises:
        NotFound: no such run.
        NotAllowed: it is not from 0.001 to 1000.
    """
    row = {"run": run, "priority": projects.checked_weight(priority)}
    if (await connection.execute(_SET_PRIORITY, row)).first() is None:
        raise await _not_found(connection, run)
    await audit.note(connection, by, "set_priority", f"run {run}", {"priority": priority})


async def save_config(connection: Connection, run: int, config: RunConfig) -> None:
    """Write the configuration that is in force from now on; call it under `lock_for_pass`."""
    await connection.execute(_SAVE_CONFIG, {"run": run, "config": config.model_dump_json()})


async def _not_found(connection: Connection, run: int) -> NotFound:
    newest = (await connection.execute(_NEWEST)).scalars().all()
    known = f"the newest are {', '.join(str(number) for number in newest)}" if newest else "there are none yet"
    return NotFound(f"there is no run {run} in this database; {known}")


def _epoch_lost(run: int, epoch: int) -> EpochLost:
    return EpochLost(f"another controller adopted run {run} after epoch {epoch}; this one must not write to it any more")
