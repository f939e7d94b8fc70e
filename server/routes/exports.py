"""A run for other programs: all of it, or what a model can be tuned on. Both are streams, whatever the size of the run."""

import asyncio
import io
import json
import math
from array import array
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from database import export_pages, runs
from evolution.people import Action
from server.auth import RunAccess, RunFor
from server.problem_details import problems as failures
from server.service import Served, Service

router = APIRouter(prefix="/runs/{run}", tags=["results"], responses=failures(401, 403, 404, 409))
Inspecting = Annotated[RunAccess, Depends(RunFor(Action.INSPECT))]
JSONL = "application/jsonl"
PARQUET = "application/vnd.apache.parquet"


class ExportFormat(StrEnum):
    """JSON lines can be read by everything, Parquet is small and typed."""

    JSONL = "jsonl"
    PARQUET = "parquet"


_CALL = {
    "model": "small",
    "template": "diff/3",
    "prompt": '[{"role": "user", "content": "Improve this program: ..."}]',
    "answer": "<<<<<<< SEARCH ...",
    "failure": None,
    "finish_reason": "stop",
    "tokens_in": 3100,
    "tokens_out": 420,
    "cost_micro_dollars": 718,
    "latency_s": 4.2,
}
ROW = {
    "run": 7,
    "number": 412,
    "operator": "diff",
    "island": 0,
    "parent": 377,
    "inspirations": [12],
    "model": "small",
    "ideas": [],
    "injection": None,
    "state": "answered",
    "refusal": None,
    "detail": None,
    "duplicate_of": None,
    "created_at": "2026-03-01T12:00:31+00:00",
    "files": {"program.py": "def answer():\n    return 3.2\n"},
    "generation": 21,
    "length": 33,
    "literals": 1,
    "verdict": "scored",
    "score": 2.3471,
    "metrics": {},
    "features": {},
    "duration_s": 0.021,
    "gpu_s": 0.0,
    "twin": None,
    "verified_score": None,
    "score_isolated": True,
    "calls": [_CALL],
}
"""A row of an export, as an example."""


def _answered(row: dict[str, Any], call: dict[str, Any], reward: float | None, parent_reward: float | None) -> dict[str, Any]:
    return {
        "run": row["run"],
        "number": row["number"],
        "operator": row["operator"],
        "model": call["model"],
        "template": call["template"],
        "prompt": _messages(call["prompt"]),
        "answer": call["answer"],
        "reward": reward,
        "parent_reward": parent_reward,
        "verdict": row["verdict"],
        "refusal": row["refusal"],
        "tokens_in": call["tokens_in"],
        "tokens_out": call["tokens_out"],
    }


def _messages(prompt: str) -> Any:
    try:
        return json.loads(prompt)
    except ValueError:
        return prompt


def _stream(example: dict[str, Any], *more: str) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string", "format": "binary"}
    content: dict[str, Any] = {JSONL: {"schema": schema, "example": json.dumps(example) + "\n"}}
    content |= {kind: {"schema": schema} for kind in more}
    return {200: {"description": "the rows, in the order of the proposals' numbers", "content": content}}


@router.get("/export", summary="Export a run", response_class=StreamingResponse, responses=_stream(ROW, PARQUET))
async def export_run(
    service: Served,
    access: Inspecting,
    format_: Annotated[ExportFormat, Query(alias="format", description="`jsonl` or `parquet`")] = ExportFormat.JSONL,
) -> StreamingResponse:
    """Every proposal with its program, evaluation, prompts and answers, one row each; a stream that is cut off is not whole."""
    await _readable(service, access)
    pages = export_pages.pages(service.database, access.run)
    rows, kind = (_jsonl(pages), JSONL) if format_ is ExportFormat.JSONL else (_parquet(pages), PARQUET)
    return StreamingResponse(rows, media_type=kind, headers=_named(f"run-{access.run}.{format_.value}"))


@router.get(
    "/dataset",
    summary="Export prompts, answers and rewards",
    response_class=StreamingResponse,
    responses=_stream(_answered(ROW, _CALL, 2.3471, 2.31)),
)
async def export_dataset(service: Served, access: Inspecting) -> StreamingResponse:
    """A row for each answer of a model, as data for tuning one, in JSON lines.

    `prompt` holds the messages, `answer` the text, `reward` the score with the sign by which more is better, null where the
    answer brought no score; `parent_reward` is that of the program that was to be improved. What retention removed is left out.
    """
    await _readable(service, access)
    pages = export_pages.pages(service.database, access.run)
    rows = _dataset(pages, access.sign)
    return StreamingResponse(rows, media_type=JSONL, headers=_named(f"run-{access.run}-dataset.jsonl"))


async def _readable(service: Service, access: RunAccess) -> None:
    """What cannot be read is said now: once a stream has begun it can only break off."""
    async with service.database.begin() as connection:
        await runs.load(connection, access.run)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _jsonl(pages: AsyncGenerator[list[dict[str, Any]]]) -> AsyncGenerator[bytes]:
    async for page in pages:
        yield await asyncio.to_thread(_lines, page)


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


async def _parquet(pages: AsyncGenerator[list[dict[str, Any]]]) -> AsyncGenerator[bytes]:
    # Imported here: it takes tens of MiB that nothing else needs.
    from database.parquet import ParquetFile

    sink = _Sink()
    with ParquetFile(sink) as file:
        async for page in pages:
            await asyncio.to_thread(file.write, page)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


async def _dataset(pages: AsyncGenerator[list[dict[str, Any]]], sign: float) -> AsyncGenerator[bytes]:
    # Of each number so far, since a parent always has a lower one; without a score NaN, in 8 bytes.
    rewards: array[float] = array("d")
    async for page in pages:
        rows: list[dict[str, Any]] = []
        for row in page:
            reward = None if row["score"] is None else sign * row["score"]
            rewards.extend([math.nan] * (row["number"] - len(rewards)))
            rewards.append(math.nan if reward is None else reward)
            made_of: int | None = row["parent"]
            above = math.nan if made_of is None else rewards[made_of]
            parent = None if math.isnan(above) else above
            told = [call for call in row["calls"] if call["answer"] is not None and call["prompt"]]
            rows += [_answered(row, call, reward, parent) for call in told]
        if rows:
            yield await asyncio.to_thread(_lines, rows)
