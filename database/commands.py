"""What people tell a run: asked in a row each, taken or refused by the run's controller in the order of asking."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from database import allowed_models, programs, runs
from database.encoding import storable, to_json
from database.engine import CONTROLLER, Connection, notify
from database.errors import NotAllowed, NotFound
from database.run_rows import RunRow
from evolution.commands import (
    COMMAND,
    Annotate,
    Ban,
    Command,
    CommandKind,
    CommandState,
    InjectProgram,
    Pause,
    Pin,
    Resume,
    SetBudget,
    SetModels,
    Unban,
    Unpin,
    VerifyProgram,
)
from evolution.injection import InjectionRefused, injected
from evolution.run import RunState


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command as stored. `command` is None if it is not one that this version knows.

    `person` asked for it, None on a data folder; `event` is the number of the event that it became, None for one that
    waits or was refused; `detail` says why it was refused.
    """

    id: int
    run: int
    kind: str
    command: Command | None
    person: int | None
    state: CommandState
    detail: str | None
    event: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a waiting command: the event that it became, or why it was refused."""

    id: int
    event: int | None
    detail: str | None = None


_ASK = sa.text("""
    INSERT INTO command (run, kind, payload, person, state)
    VALUES (:run, :kind, CAST(:payload AS jsonb), :person, CAST(CAST(:state AS text) AS commandstate)) RETURNING id
""")
_SELECT = """
    SELECT id, run, kind, CAST(payload AS text) AS payload, person, CAST(state AS text) AS state, detail, event, created_at
    FROM command WHERE run = :run
"""
_WAITING = sa.text(f"{_SELECT} AND state = 'waiting' ORDER BY id")
_LIST = sa.text(f"{_SELECT} AND id > :after ORDER BY id LIMIT :limit")
_LIST_OF_KINDS = sa.text(f"{_SELECT} AND kind = ANY(CAST(:kinds AS text[])) AND id > :after ORDER BY id LIMIT :limit")
_FILES = sa.text("SELECT id, CAST(payload -> 'files' AS text) AS files FROM command WHERE id = ANY(CAST(:ids AS bigint[]))")
_IDEAS = sa.text("SELECT payload ->> 'text' FROM command WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id")
_SETTLE = sa.text("""
    UPDATE command c SET event = w.event, detail = w.detail,
        state = CASE WHEN w.detail IS NULL THEN CAST('taken' AS commandstate) ELSE 'refused' END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:events AS bigint[]), CAST(:details AS text[])) AS w(id, event, detail)
    WHERE c.run = :run AND c.id = w.id AND c.state = 'waiting'
""")
_REFUSE_ALL = sa.text("UPDATE command SET state = 'refused', detail = :detail WHERE run = :run AND state = 'waiting'")


async def ask(connection: Connection, run: int, command: Command, person: int | None = None) -> int:
    """Tell a run something; its controller takes it at its next pass, which this wakes. Returns the command's number.

    Commit soon: passes over the run wait meanwhile. What is for people only (`Annotate`) counts as taken at once, and may be
    said of a run that has ended.

    Raises:
        NotFound: no such run.
        NotAllowed: it can be seen already that the run cannot obey, or (ModelsNotAllowed) that its project may not use
            the models; nothing was written.
    """
    row = await runs.lock_shared(connection, run)
    for_people = isinstance(command, Annotate)
    if not for_people:
        pending = await waiting(connection, run) if row.steered else []
        if refusal := _refusal(row, command, pending):
            raise NotAllowed(refusal)
    if isinstance(command, SetModels):
        await allowed_models.check(connection, row.project, [model.name for model in command.models])
    await _look_at_programs(connection, row, command)
    asked = {
        "run": run,
        "kind": command.kind,
        "payload": to_json(command.model_dump(mode="json")),
        "person": person,
        "state": (CommandState.TAKEN if for_people else CommandState.WAITING).value,
    }
    number: int = (await connection.execute(_ASK, asked)).scalar_one()
    if not for_people:
        await notify(connection, CONTROLLER)
    return number


async def _look_at_programs(connection: Connection, row: RunRow, command: Command) -> None:
    """Refuse what the money, or the programs of the run, forbid."""
    match command:
        case SetBudget():
            _refuse_below_spent(row, command)
        case InjectProgram():
            seed = (await programs.load(connection, row.id, [0]))[0]
            try:
                injected(seed.files, command.files)
            except InjectionRefused as refused:
                raise NotAllowed(f"the program cannot be a child of run {row.id}: {refused}") from None
        case VerifyProgram():
            await _refuse_without_score(connection, row.id, command.program)
        case (
            Pin(program=number) | Unpin(program=number) | Ban(program=number) | Unban(program=number) | Annotate(program=number)
        ):
            if number is not None and not await programs.exists(connection, row.id, number):
                raise NotFound(f"run {row.id} has no program {number}")
        case _:
            pass


async def _refuse_without_score(connection: Connection, run: int, number: int) -> None:
    found = (await programs.load_evaluated(connection, run, [number])).get(number)
    if found is None:
        raise NotFound(f"run {run} has no program {number}")
    if found.outcome is None or found.outcome.score is None:
        raise NotAllowed(f"program {number} of run {run} has no score, so there is nothing to verify; ask it of one that has")


def _refusal(row: RunRow, command: Command, pending: Sequence[CommandRow]) -> str | None:
    """Why the run cannot obey, as far as can be seen: what waits before this command may still change its state."""
    if row.state is RunState.FINISHED:
        return f"run {row.id} has ended ({row.stop_detail or row.stop_reason}), so it can be told nothing; reopen it first"
    if row.state is RunState.FINISHING:
        return f"run {row.id} is ending ({row.stop_detail or row.stop_reason}); wait for its end, then reopen it"
    if isinstance(command, SetModels) and not command.models and not row.config.mutate:
        return f"run {row.id} does not mutate, so without a model it could make no child; name at least one model"
    if isinstance(command, Pause | Resume):
        last = next((item.command for item in reversed(pending) if isinstance(item.command, Pause | Resume)), None)
        paused = row.state is RunState.PAUSED if last is None else isinstance(last, Pause)
        if paused == isinstance(command, Pause):
            return f"run {row.id} is {'paused already' if paused else 'not paused, so it cannot be resumed'}"
    return None


def _refuse_below_spent(row: RunRow, command: SetBudget) -> None:
    limit, account = command.budget.micro_dollars, row.account
    if limit is not None and limit < account.spent_micro_dollars + account.reserved_micro_dollars:
        raise runs.below_spent(row, command.budget)


async def given_files(connection: Connection, injections: Sequence[int]) -> dict[int, dict[str, str]]:
    """The files of injected programs, by the number of their command."""
    rows = await connection.execute(_FILES, {"ids": list(injections)})
    return {row.id: json.loads(row.files) for row in rows}


async def ideas(connection: Connection, numbers: Sequence[int]) -> tuple[str, ...]:
    """The texts of ideas, in the order of the commands that gave them."""
    if not numbers:
        return ()
    rows = await connection.execute(_IDEAS, {"ids": list(numbers)})
    return tuple(rows.scalars())


async def waiting(connection: Connection, run: int) -> list[CommandRow]:
    """The commands that the run's controller has still to take, in the order of asking."""
    return [_row(found) for found in await connection.execute(_WAITING, {"run": run})]


async def list_commands(
    connection: Connection, run: int, after: int = 0, limit: int = 100, kinds: Sequence[CommandKind] = ()
) -> list[CommandRow]:
    """Commands of a run with numbers above `after`, oldest first: call again with the last number until none comes.

    Of all `kinds` if none is named.
    """
    place = {"run": run, "after": after, "limit": limit}
    if kinds:
        return [_row(item) for item in await connection.execute(_LIST_OF_KINDS, place | {"kinds": list(kinds)})]
    return [_row(item) for item in await connection.execute(_LIST, place)]


async def settle(connection: Connection, run: int, settled: Sequence[Settled]) -> None:
    """Note what became of waiting commands; for the run's controller, in the transaction that writes their events."""
    if not settled:
        return
    row = {
        "run": run,
        "ids": [item.id for item in settled],
        "events": [item.event for item in settled],
        "details": [None if item.detail is None else storable(item.detail) for item in settled],
    }
    await connection.execute(_SETTLE, row)


async def refuse_waiting(connection: Connection, run: int, detail: str) -> None:
    """Refuse all that waits, since the run ends; nothing can be asked of it before the transaction does."""
    await connection.execute(_REFUSE_ALL, {"run": run, "detail": detail})


def _row(found: sa.Row[Any]) -> CommandRow:
    try:
        command = COMMAND.validate_json(found.payload)
    except ValidationError:
        command = None
    return CommandRow(
        id=found.id,
        run=found.run,
        kind=found.kind,
        command=command,
        person=found.person,
        state=CommandState(found.state),
        detail=found.detail,
        event=found.event,
        created_at=found.created_at,
    )
