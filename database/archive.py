"""The archive's table and the snapshot of the search state: what a resumed run reads instead of its whole log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database.encoding import to_json
from database.engine import Connection


@dataclass(frozen=True, slots=True)
class Elite:
    """The program that holds one cell of one island's archive, and the event that put it there."""

    island: int
    cell: tuple[int, ...]
    number: int
    score: float
    length: int
    literals: int
    at_event: int


@dataclass(frozen=True, slots=True)
class Record:
    """One step of the best-so-far curve: the new best program and what had been spent when it was admitted."""

    number: int
    score: float
    evaluations: int
    seconds: float
    micro_dollars: int
    gpu_milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The search state as of one event: `state` is what `save` was given, `elites` the archive."""

    as_of_event: int
    state: dict[str, Any]
    elites: tuple[Elite, ...]


_SAVE_STATE = sa.text("""
    INSERT INTO search_state (run, as_of_event, state) VALUES (:run, :as_of_event, CAST(:state AS jsonb))
    ON CONFLICT (run) DO UPDATE SET as_of_event = excluded.as_of_event, state = excluded.state
""")
_SAVE_ELITES = sa.text("""
    INSERT INTO elite (run, island, cell, number, score, length, literals, at_event)
    SELECT :run, e.island, CAST(e.cell AS smallint[]), e.number, e.score, e.length, e.literals, e.at_event
    FROM unnest(CAST(:islands AS smallint[]), CAST(:cells AS text[]), CAST(:numbers AS integer[]),
        CAST(:scores AS double precision[]), CAST(:lengths AS integer[]), CAST(:literals AS integer[]),
        CAST(:events AS bigint[])) AS e(island, cell, number, score, length, literals, at_event)
    ON CONFLICT (run, island, cell) DO UPDATE SET number = excluded.number, score = excluded.score,
        length = excluded.length, literals = excluded.literals, at_event = excluded.at_event
""")
_LOAD_STATE = sa.text("SELECT as_of_event, CAST(state AS text) AS state FROM search_state WHERE run = :run")
_LOAD_ELITES = sa.text(
    "SELECT island, cell, number, score, length, literals, at_event FROM elite WHERE run = :run ORDER BY island, cell"
)
_CLEAR = sa.text("DELETE FROM elite WHERE run = :run AND island = ANY(CAST(:islands AS smallint[]))")
_ADD_RECORDS = sa.text("""
    INSERT INTO record (run, number, score, evaluations, seconds, micro_dollars, gpu_milliseconds)
    SELECT :run, r.* FROM unnest(CAST(:numbers AS integer[]), CAST(:scores AS double precision[]),
        CAST(:evaluations AS integer[]), CAST(:seconds AS double precision[]), CAST(:micro_dollars AS bigint[]),
        CAST(:gpu_milliseconds AS bigint[])) AS r
""")
_ADD_SCORED = sa.text("""
    INSERT INTO scored (run, place, number, island, score)
    SELECT :run, w.place, w.number, g.island, e.score
    FROM unnest(CAST(:places AS integer[]), CAST(:numbers AS integer[])) AS w(place, number)
    CROSS JOIN LATERAL (SELECT g.id, g.island FROM program g WHERE g.run = :run AND g.number = w.number LIMIT 1) g
    CROSS JOIN LATERAL (
        SELECT e.score FROM evaluation e WHERE e.program = g.id AND e.purpose = 'search' LIMIT 1
    ) e
""")
_LOAD_SCORED = sa.text("SELECT number, island, score FROM scored WHERE run = :run ORDER BY place")


async def save(connection: Connection, run: int, as_of_event: int, state: Mapping[str, Any], elites: Sequence[Elite]) -> None:
    """Write the search state (JSON) and the cells that changed since the last save."""
    await connection.execute(_SAVE_STATE, {"run": run, "as_of_event": as_of_event, "state": to_json(dict(state))})
    if not elites:
        return
    row = {
        "run": run,
        "islands": [elite.island for elite in elites],
        "cells": [f"{{{','.join(str(index) for index in elite.cell)}}}" for elite in elites],
        "numbers": [elite.number for elite in elites],
        "scores": [elite.score for elite in elites],
        "lengths": [elite.length for elite in elites],
        "literals": [elite.literals for elite in elites],
        "events": [elite.at_event for elite in elites],
    }
    await connection.execute(_SAVE_ELITES, row)


async def load(connection: Connection, run: int) -> Snapshot | None:
    """Read the snapshot; None before the first save."""
    found = (await connection.execute(_LOAD_STATE, {"run": run})).first()
    if found is None:
        return None
    elites = tuple(
        Elite(row.island, tuple(row.cell), row.number, row.score, row.length, row.literals, row.at_event)
        for row in await connection.execute(_LOAD_ELITES, {"run": run})
    )
    return Snapshot(found.as_of_event, json.loads(found.state), elites)


async def clear(connection: Connection, run: int, islands: Sequence[int]) -> None:
    """Empty the archives of these islands (of a reset, before the founder is saved)."""
    if islands:
        await connection.execute(_CLEAR, {"run": run, "islands": list(islands)})


async def add_records(connection: Connection, run: int, records: Sequence[Record]) -> None:
    """Add steps to the best-so-far curve."""
    if not records:
        return
    row = {
        "run": run,
        "numbers": [record.number for record in records],
        "scores": [record.score for record in records],
        "evaluations": [record.evaluations for record in records],
        "seconds": [record.seconds for record in records],
        "micro_dollars": [record.micro_dollars for record in records],
        "gpu_milliseconds": [record.gpu_milliseconds for record in records],
    }
    await connection.execute(_ADD_RECORDS, row)


async def add_scored(connection: Connection, run: int, places: Sequence[tuple[int, int]]) -> None:
    """Give scored programs their places among all scored ones of the run: (place, number), places from 0 gapless."""
    if not places:
        return
    row = {"run": run, "places": [place for place, _ in places], "numbers": [number for _, number in places]}
    await connection.execute(_ADD_SCORED, row)


async def load_scored(connection: Connection, run: int) -> list[tuple[int, int, float]]:
    """All scored programs of a run as (number, island, score), in order of admission: the one read that grows with it."""
    rows = await connection.execute(_LOAD_SCORED, {"run": run})
    return [(row.number, row.island, row.score) for row in rows]
