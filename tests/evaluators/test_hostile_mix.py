"""A thousand hostile and honest candidates in one run of a real pool: who behaves is judged rightly, and nothing stays."""

import asyncio
import gc
import logging
import os
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.process_tree import is_postgres
from database.engine import Database
from evaluators.harness.galapagos_family import family
from evaluators.pool import Pool
from evaluators.settings import EvaluatorSettings
from evolution.evaluation import EvaluationState, Tier, Verdict
from tests.evaluators.hostile_programs import KINDS, MARK
from tests.evaluators.queue_kit import Row, new_run, queue_programs, settled
from tests.evaluators.small_problems import LENGTH_AXIS, problem
from tests.sandbox.leftovers import zygotes_with_children

log = logging.getLogger(__name__)
CANDIDATES = 1000
AFTERWARDS = 40
SLOTS = 2
_STAGE = '[[stages]]\nname = "score"\ntimeout_s = 2.5\n'
_LIMITS = "[limits]\nmemory_mib = 192\nprocesses = 8\nfiles_mib = 16\n"
_JUDGE = """
import math
from galapagos_judge import Rejected
def evaluate(candidate, context):
    value = candidate.call("answer", 3.0)
    if type(value) not in (int, float) or not math.isfinite(value):
        raise Rejected("expected a finite number")
    return {"score": value}
"""
_PROBLEM = problem(_JUDGE, tables=LENGTH_AXIS + _LIMITS, stages=_STAGE)


def _mixed(count: int) -> list[tuple[str | None, str]]:
    """Kind (None: honest) and body of each candidate, half of them hostile, in an order that is always the same."""
    rng = random.Random(3)
    kinds = sorted(KINDS)
    hostile = [(kinds[place % len(kinds)], KINDS[kinds[place % len(kinds)]]) for place in range(count // 2)]
    honest: list[tuple[str | None, str]] = [(None, f"return {number} * x") for number in range(count - len(hostile))]
    mixed = [*hostile, *honest]
    rng.shuffle(mixed)
    return mixed


def _distinct(number: int, body: str) -> str:
    """A body as the queue's kit wants it, in its function and unlike every other."""
    return f"# {number}\n{body.strip()}".replace("\n", "\n    ")


@dataclass(frozen=True, slots=True)
class _Traces:
    """What a pool could leave: files, and descriptors of this process."""

    files: tuple[str, ...]
    descriptors: int

    @classmethod
    def now(cls, folder: Path) -> "_Traces":
        gc.collect()
        places = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/run"), Path("/"))
        files = [str(place / MARK) for place in places if (place / MARK).exists()]
        files += [path.name for path in folder.iterdir() if path.name.startswith("galapagos-")]
        return cls(tuple(files), len(list(Path("/proc/self/fd").iterdir())))


def _children() -> set[int]:
    """All processes below this one but those of the database, which come and go with its connections."""
    return {pid for pid in family(os.getpid()) if not is_postgres(pid)}


def _users_of(pids: set[int]) -> set[int]:
    """Who runs these processes, but for our own user: each box has one of its own where root starts it."""
    return {_uid(pid) for pid in pids} - {os.getuid(), -1}


def _processes_of(users: set[int]) -> list[int]:
    return [pid for place in Path("/proc").iterdir() if place.name.isdigit() and _uid(pid := int(place.name)) in users]


def _uid(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return -1


@asynccontextmanager
async def _serving(url: str, tier: Tier, folder: Path) -> AsyncGenerator[None]:
    settings = EvaluatorSettings(database_url=url, slots=SLOTS, tier=tier, cache=folder / "cache")
    stop = asyncio.Event()
    async with Database(url) as opened:
        pool = asyncio.create_task(Pool(opened, settings).run(stop))
        try:
            yield
        finally:
            stop.set()
            await pool


async def _judged(database: Database, tier: Tier, bodies: Sequence[str]) -> list[Row]:
    """What becomes of candidates of a run of their own; each body is made unlike every other."""
    run = await new_run(database, _PROBLEM, tier)
    distinct = [f"# {number}\n{body.strip()}".replace("\n", "\n    ") for number, body in enumerate(bodies)]
    await queue_programs(database, run, distinct)
    return (await settled(database, run, timeout_s=3600))[1:]


def _check(mixed: Sequence[tuple[str | None, str]], found: Sequence[Row]) -> None:
    for (kind, body), row in zip(mixed, found, strict=True):
        assert (row.state, row.attempt, row.host_fault) == (EvaluationState.FINISHED, 1, None), (kind, row)
        if kind is None:
            assert (row.verdict, row.score) == (Verdict.SCORED, 3.0 * int(body.split()[1])), (body, row)
        else:
            assert row.verdict != Verdict.SCORED, (kind, row)
            assert row.score is None, (kind, row)


@pytest.mark.soak
@pytest.mark.parametrize("tier", [Tier.NAMESPACES, Tier.PLAIN])
async def test_a_thousand_candidates(
    tier: Tier, database: Database, database_url: str, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(open_folder))
    mixed = _mixed(CANDIDATES)
    honest = ["return x"] * 4 * SLOTS
    async with _serving(database_url, tier, open_folder):
        await _judged(database, tier, honest)
    traces, before = _Traces.now(open_folder), _children()
    async with _serving(database_url, tier, open_folder):
        await _judged(database, tier, honest)
        warm = _children() - before
        started = time.monotonic()
        found = await _judged(database, tier, [body for _, body in mixed])
        took_s = time.monotonic() - started
        _check(mixed, found)
        # Every slot is there as before.
        after = await _judged(database, tier, [f"return {number} * x" for number in range(AFTERWARDS)])
        assert [row.score for row in after] == [3.0 * number for number in range(AFTERWARDS)]
        still = _children() - before
        # A slot may have started its spare box; in none is anybody but its zygote.
        assert len(warm) <= len(still) <= 2 * len(warm)
        assert await zygotes_with_children() == []
        users = _users_of(warm | still)
    assert _children() <= before
    assert _processes_of(users) == []
    assert _Traces.now(open_folder) == traces
    log.warning("%s candidates in tier %s took %.0f s: %s", len(mixed), tier, took_s, Counter(row.verdict for row in found))
