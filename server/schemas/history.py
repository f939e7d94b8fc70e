"""The history of a run as it is answered: columns, since a row for each of many thousand programs would say each name again."""

from typing import Any

from pydantic import ConfigDict, Field

from database.history_views import History
from evolution.evaluation import Verdict
from evolution.proposal import Operator
from server.schemas.base import Answer, shown

_EXAMPLE = {
    "next": 866,
    "newest": 2044,
    "event": [4, 866],
    "seconds": [0.8, 31.2],
    "number": [0, 412],
    "operator": ["seed", "mutate"],
    "model": [None, None],
    "island": [0, 0],
    "parent": [None, 377],
    "verdict": ["scored", "scored"],
    "score": [0.9598, 2.3471],
    "placement": ["new", "improved"],
    "cell": [[5, 3], [6, 4]],
    "founded": [[812, 1, 0]],
}


class RunHistory(Answer):
    """Lists of one length: place `i` of each tells of one program, in the order in which they were taken in.

    At the end, where `next` is `newest`, stand the proposals in flight: their `event`, `seconds`, `verdict`, `score`,
    `placement` and `cell` are null. Follow the events behind `next` to know what becomes of them.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(_EXAMPLE))

    next: int = Field(description="number of the last event that was looked at; give it as `after`")
    newest: int = Field(description="number of the run's newest event")
    event: list[int | None] = Field(description="number of the event that took the program in")
    seconds: list[float | None] = Field(description="after the run was made")
    number: list[int]
    operator: list[Operator]
    model: list[str | None]
    island: list[int]
    parent: list[int | None]
    verdict: list[Verdict | None]
    score: list[float | None]
    placement: list[str | None] = Field(description="`new`, `improved`, `not_better` or `no_score`")
    cell: list[list[int] | None] = Field(description="of the archive, an index from 0 for each axis")
    founded: list[tuple[int, int, int]] = Field(
        description="islands that were founded later, or emptied and founded anew: event, island, number of the founder"
    )


def columns(found: History, sign: float) -> dict[str, Any]:
    """The same as plain data, raw scores being `sign` times the recorded ones.

    It does not go by way of the model, which costs more than the database: the rows were validated when they were written.
    """
    rows = found.admissions
    return {
        "next": found.until,
        "newest": found.newest,
        "event": [row.event for row in rows],
        "seconds": [None if row.seconds is None else round(row.seconds, 3) for row in rows],
        "number": [row.number for row in rows],
        "operator": [row.operator for row in rows],
        "model": [row.model for row in rows],
        "island": [row.island for row in rows],
        "parent": [row.parent for row in rows],
        "verdict": [row.verdict for row in rows],
        "score": [None if row.score is None else sign * row.score for row in rows],
        "placement": [row.placement for row in rows],
        "cell": [row.cell for row in rows],
        "founded": found.founded,
    }
