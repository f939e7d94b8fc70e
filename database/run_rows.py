"""What is read of a run: its own columns, and those of its account."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import ValidationError

from database.errors import Damaged
from evolution.evaluation import Tier
from evolution.run import RunConfig, RunState, StopReason


@dataclass(frozen=True, slots=True)
class Account:
    """Money and tokens of a run. `limit_micro_dollars` None is no limit; reserved belongs to calls in flight."""

    limit_micro_dollars: int | None
    spent_micro_dollars: int
    reserved_micro_dollars: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The project that owns a run, and its direction: a raw score is `sign` times the recorded one."""

    project: int
    sign: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored.

    `project` owns it; `person` started it, None is the command line. A fork has for its seed a program of another run:
    `origin_run` and `origin_program`.
    `as_of_event` is the number of its newest event, 0 before the first; `active_s` the seconds that it spent under a
    controller; `secret` the 32 bytes from which the judge's random numbers derive; `champion` the number of the
    verified best program; `config` is in force now; `steered` says whether commands wait for the controller.
    `priority` is its share of slots among the runs of its project; `mean_s` the seconds that one of its evaluations takes,
    0 before the first; `mean_gpu_s` those for which it holds a GPU.
    """

    id: int
    project: int
    person: int | None
    origin_run: int | None
    origin_program: int | None
    problem: str
    config: RunConfig
    seed: int
    secret: bytes
    tier: Tier
    state: RunState
    stop_reason: StopReason | None
    stop_detail: str | None
    steered: bool
    controller_epoch: int
    as_of_event: int
    active_s: float
    champion: int | None
    priority: float
    mean_s: float
    mean_gpu_s: float
    created_at: datetime
    finished_at: datetime | None
    account: Account


SELECT = """
    SELECT r.id, r.project, r.person, r.origin_run, r.origin_program, r.problem, CAST(r.config AS text) AS config,
        r.seed, r.secret, CAST(r.tier AS text) AS tier, CAST(r.state AS text) AS state,
        CAST(r.stop_reason AS text) AS stop_reason, r.stop_detail,
        EXISTS (SELECT FROM command c WHERE c.run = r.id AND c.state = 'waiting') AS steered,
        r.controller_epoch, r.as_of_event, r.active_s, r.champion, r.priority, r.mean_s, r.mean_gpu_s,
        r.created_at, r.finished_at,
        a.limit_micro_dollars, a.spent_micro_dollars, a.reserved_micro_dollars, a.tokens_in, a.tokens_out
    FROM run r JOIN account a ON a.run = r.id
"""
"""What `run_row` reads; add the condition."""


def run_config(row: sa.RowMapping) -> RunConfig:
    """The configuration in a row with `id` and `config`.

    Raises:
        Damaged: it is not one that this version knows.
    """
    try:
        return RunConfig.model_validate_json(row["config"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise Damaged(
            f"the stored configuration of run {row['id']} is not one that this version knows ({place}: {first['msg']}); "
            "restore the row from a backup, use the version that wrote it, or start a new run"
        ) from error


def run_row(row: sa.RowMapping) -> RunRow:
    """The run in a row of `SELECT`.

    Raises:
        Damaged: its configuration is not one that this version knows.
    """
    money = {name: row[name] for name in Account.__slots__}
    rest = {name: row[name] for name in RunRow.__slots__ if name != "account"}
    rest |= {
        "config": run_config(row),
        "tier": Tier(row["tier"]),
        "state": RunState(row["state"]),
        "stop_reason": None if row["stop_reason"] is None else StopReason(row["stop_reason"]),
    }
    return RunRow(**rest, account=Account(**money))
