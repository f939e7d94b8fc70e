"""Evaluations: queued with their program, claimed by evaluators, finished with an outcome or given back."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from database import blobs, fair_share
from database.encoding import storable, to_json
from database.engine import Connection
from database.leases import MAX_ATTEMPTS, Lease, by_lease
from evolution.evaluation import EvaluationState, Outcome, Purpose, StageResult, Tier, Twin, Verdict
from evolution.limits import Share


@dataclass(frozen=True, slots=True)
class ClaimedEvaluation:
    """A program to be judged: its evolvable `files`, the revision of its problem, and the run's 32 secret bytes.

    `series` numbers the verifications of one program: each has seeds of its own. Some stage of its problem holds `gpus` GPUs.
    """

    lease: Lease
    run: int
    number: int
    attempt: int
    purpose: Purpose
    problem: str
    files: Mapping[str, str]
    secret: bytes
    series: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class FinishedEvaluation:
    """What the cascade found. `machine` is a fingerprint from `machines.register`; `picture` SVG text of the judge.

    `fingerprint` is what its judge said of its behaviour, and `twin` the number of the program whose result it was given.
    """

    lease: Lease
    outcome: Outcome
    duration_s: float
    machine: bytes
    picture: str | None = None
    fingerprint: bytes | None = None
    twin: int | None = None


@dataclass(frozen=True, slots=True)
class OpenVerification:
    """A verification that the controller has not taken in yet; GPUs were held for it for `gpu_s` seconds."""

    id: int
    number: int
    state: EvaluationState
    verdict: Verdict | None
    score: float | None
    host_fault: str | None
    gpu_s: float


_QUEUED = "t.state = 'queued' AND t.tier = CAST(CAST(:tier AS text) AS tier)"


def _claim(picked: str, chosen_rows: str) -> sa.TextClause:
    return sa.text(f"""
        WITH {picked},
        leased AS (
            UPDATE evaluation e SET state = 'leased', attempt = e.attempt + 1, lease = nextval('lease_token'),
                lease_owner = :owner,
                lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
            WHERE e.id = ANY(ARRAY(SELECT id FROM picked)) RETURNING e.id, e.lease, e.run, e.program, e.attempt, e.purpose,
                e.series
        ),
        whole AS (
            SELECT l.id, l.lease, l.run, g.number, l.attempt, CAST(l.purpose AS text) AS purpose, r.problem, r.gpus, b.content,
                r.secret, l.series
            FROM leased l JOIN run r ON r.id = l.run
            CROSS JOIN LATERAL (SELECT g.number, g.files FROM program g WHERE g.id = l.program LIMIT 1) g
            CROSS JOIN LATERAL (SELECT b.content FROM blob b WHERE b.hash = g.files LIMIT 1) b
        )
        SELECT c.rows AS chosen, w.* FROM ({chosen_rows}) c LEFT JOIN whole w ON true ORDER BY w.id
    """)  # noqa: S608 - made of constants


_SHARED = {
    Share.EVALUATIONS: ("greatest(r.mean_s, 0.001)", "r.gpus = 0"),
    Share.GPUS: ("greatest(r.mean_gpu_s, 0.001)", "r.gpus > 0"),
}
"""How many seconds of the share one evaluation takes, and of which runs it is."""
_CLAIM = {
    share: {most: _claim(*fair_share.picked("evaluation", _QUEUED, seconds, most, of_runs)) for most in fair_share.MOST}
    for share, (seconds, of_runs) in _SHARED.items()
}
_CLAIM_ANY = {
    share: _claim(*fair_share.picked_by_anybody("evaluation", _QUEUED, of_runs)) for share, (_, of_runs) in _SHARED.items()
}
_FINISH = sa.text("""
    UPDATE evaluation e SET state = 'finished', verdict = CAST(w.verdict AS verdict), score = w.score,
        metrics = CAST(w.metrics AS jsonb), features = CAST(w.features AS jsonb), stages = CAST(w.stages AS jsonb),
        duration_s = w.duration_s, gpu_s = e.gpu_s + w.gpu_s, machine = w.machine, picture = w.picture,
        fingerprint = w.fingerprint, twin = w.twin, finished_at = clock_timestamp()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:verdicts AS text[]),
        CAST(:scores AS double precision[]), CAST(:metrics AS text[]), CAST(:features AS text[]), CAST(:stages AS text[]),
        CAST(:durations AS double precision[]), CAST(:gpu_s AS double precision[]),
        CAST(:machines AS bytea[]), CAST(:pictures AS bytea[]), CAST(:fingerprints AS bytea[]), CAST(:twins AS integer[]))
        AS w(id, token, verdict, score, metrics, features, stages, duration_s, gpu_s, machine, picture, fingerprint, twin)
    WHERE e.id = w.id AND e.lease = w.token AND e.state = 'leased' RETURNING e.id
""")
_TWIN = sa.text("""
    SELECT p.number, CAST(e.stages AS text) AS stages FROM evaluation e
    JOIN program g ON g.id = e.program
    JOIN proposal p ON p.run = g.run AND p.number = g.number
    JOIN proposal own ON own.run = g.run AND own.number = :number AND p.closed_event <= own.seen_event
    WHERE e.run = :run AND e.fingerprint = :fingerprint AND e.purpose = 'search' AND e.verdict = 'scored' AND e.twin IS NULL
    ORDER BY p.number LIMIT 1
""")
_GIVE_BACK = sa.text("""
    UPDATE evaluation SET lease = NULL, lease_owner = NULL, lease_until = NULL, host_fault = :fault, gpu_s = gpu_s + :gpu_s,
        attempt = attempt - :untried,
        state = CASE WHEN attempt - :untried < :attempts THEN CAST('queued' AS evaluationstate) ELSE 'abandoned' END,
        finished_at = CASE WHEN attempt - :untried < :attempts THEN NULL ELSE clock_timestamp() END
    WHERE id = :id AND lease = :token AND state = 'leased' RETURNING CAST(state AS text)
""")
_RELEASE = sa.text("""
    UPDATE evaluation e SET state = 'queued', attempt = e.attempt - 1, lease = NULL, lease_owner = NULL, lease_until = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS w(id, token)
    WHERE e.id = w.id AND e.lease = w.token AND e.state = 'leased' RETURNING e.id
""")
_ASK_VERIFICATION = sa.text("""
    INSERT INTO evaluation (run, program, purpose, tier, series)
    SELECT g.run, g.id, 'verify', r.tier,
        (SELECT least(count(*), 32767) FROM evaluation e WHERE e.program = g.id AND e.purpose = 'verify')
    FROM program g JOIN run r ON r.id = g.run
    WHERE g.run = :run AND g.number = ANY(CAST(:numbers AS integer[])) ORDER BY g.number
""")
_ABANDON = sa.text("""
    UPDATE evaluation e SET state = 'abandoned', host_fault = :why, finished_at = clock_timestamp() FROM program g
    WHERE g.run = :run AND g.number = ANY(CAST(:numbers AS integer[])) AND e.program = g.id
        AND e.purpose = 'verify' AND e.state = 'queued'
""")
_OPEN_VERIFICATIONS = sa.text("""
    SELECT e.id, g.number, CAST(e.state AS text) AS state, CAST(e.verdict AS text) AS verdict, e.score, e.host_fault,
        e.gpu_s
    FROM evaluation e CROSS JOIN LATERAL (SELECT g.number FROM program g WHERE g.id = e.program LIMIT 1) g
    WHERE e.run = :run AND e.purpose = 'verify' AND e.closed_event IS NULL ORDER BY e.id
""")
_CLOSE_VERIFICATIONS = sa.text("""
    UPDATE evaluation e SET closed_event = w.event
    FROM unnest(CAST(:ids AS bigint[]), CAST(:events AS bigint[])) AS w(id, event) WHERE e.id = w.id
""")
_LAST_HOST_FAULT = sa.text("""
    SELECT e.host_fault FROM proposal p
    CROSS JOIN LATERAL (SELECT g.id FROM program g WHERE g.run = p.run AND g.number = p.number LIMIT 1) g
    CROSS JOIN LATERAL (SELECT e.host_fault FROM evaluation e WHERE e.program = g.id AND e.host_fault IS NOT NULL LIMIT 1) e
    WHERE p.run = :run AND p.number > (SELECT max(number) - 200 FROM proposal WHERE run = :run)
    ORDER BY p.number DESC LIMIT 1
""")


async def claim(
    connection: Connection, owner: str, limit: int, lease_s: float, tier: Tier, *, gpus: bool = False
) -> list[ClaimedEvaluation]:
    """Lease up to `limit` queued evaluations of unfinished runs of `tier`: see `database.fair_share`.

    With `gpus` those of problems that have stages with a GPU, else those of all others: who has none gets none of the former.
    Projects take turns in GPUs apart from slots.
    """
    share = Share.GPUS if gpus else Share.EVALUATIONS
    row = {"owner": owner, "limit": limit, "lease_s": lease_s, "tier": tier.value}
    rows = await fair_share.claim(connection, _CLAIM[share], _CLAIM_ANY[share], row, share)
    return [
        ClaimedEvaluation(
            lease=Lease(found.id, found.lease),
            run=found.run,
            number=found.number,
            attempt=found.attempt,
            purpose=Purpose(found.purpose),
            problem=found.problem,
            files=blobs.unpack_files(found.content),
            secret=found.secret,
            series=found.series,
            gpus=found.gpus,
        )
        for found in rows
    ]


async def finish(connection: Connection, finished: Sequence[FinishedEvaluation]) -> frozenset[int]:
    """Store outcomes, fenced by their leases. Returns the ids written; the leases of all others were lost.

    Raises:
        ValueError: a number that is not finite; failure is a verdict, never a number.
    """
    finished = by_lease(finished)
    outcomes = [item.outcome for item in finished]
    pictures = [item.picture for item in finished if item.picture is not None]
    stored = iter(await blobs.put(connection, [storable(picture).encode() for picture in pictures]))
    row = {
        "ids": [item.lease.id for item in finished],
        "tokens": [item.lease.token for item in finished],
        "verdicts": [outcome.verdict.value for outcome in outcomes],
        "scores": [_finite(outcome.score) for outcome in outcomes],
        "metrics": [to_json(outcome.metrics) for outcome in outcomes],
        "features": [to_json(outcome.features) for outcome in outcomes],
        "stages": [to_json(outcome.stages) for outcome in outcomes],
        "durations": [item.duration_s for item in finished],
        "gpu_s": [outcome.gpu_s for outcome in outcomes],
        "machines": [item.machine for item in finished],
        "pictures": [None if item.picture is None else next(stored) for item in finished],
        "fingerprints": [item.fingerprint for item in finished],
        "twins": [item.twin for item in finished],
    }
    return frozenset((await connection.execute(_FINISH, row)).scalars())


async def twin(connection: Connection, run: int, number: int, fingerprint: bytes) -> Twin | None:
    """The first program of the run with this fingerprint and a score of its own that `number` was chosen after, if any.

    So who has a twin follows from the log, and not from who was judged first.
    """
    row = {"run": run, "number": number, "fingerprint": fingerprint}
    found = (await connection.execute(_TWIN, row)).one_or_none()
    return None if found is None else Twin(found.number, msgspec.convert(json.loads(found.stages), tuple[StageResult, ...]))


def _finite(score: float | None) -> float | None:
    if score is not None and not math.isfinite(score):
        raise ValueError(f"a score must be a finite number, got {score}; a failure is a verdict without a score")
    return score


async def give_back(
    connection: Connection, lease: Lease, host_fault: str, gpu_s: float = 0.0, *, tried: bool = True
) -> EvaluationState | None:
    """Put an evaluation back after a failure that was not the candidate's, or abandon it after too many attempts.

    A GPU was held for it for `gpu_s` seconds. What was not even `tried` is no attempt. Returns its new state,
    QUEUED or ABANDONED, or None if the lease was lost.
    """
    row = {
        "id": lease.id,
        "token": lease.token,
        "fault": storable(host_fault),
        "gpu_s": gpu_s,
        "untried": 0 if tried else 1,
        "attempts": MAX_ATTEMPTS,
    }
    state: str | None = (await connection.execute(_GIVE_BACK, row)).scalar_one_or_none()
    return None if state is None else EvaluationState(state)


async def release(connection: Connection, leases: Sequence[Lease]) -> frozenset[int]:
    """Put evaluations back that nothing befell, their holder only stops: this is no attempt. Returns the ids written."""
    held = sorted(leases, key=lambda lease: lease.id)
    row = {"ids": [lease.id for lease in held], "tokens": [lease.token for lease in held]}
    return frozenset((await connection.execute(_RELEASE, row)).scalars())


async def ask_verification(connection: Connection, run: int, numbers: Sequence[int]) -> None:
    """Queue a verification of each of these programs."""
    await connection.execute(_ASK_VERIFICATION, {"run": run, "numbers": list(numbers)})


async def abandon_verifications(connection: Connection, run: int, numbers: Sequence[int], why: str) -> None:
    """Let nobody claim the verifications of these programs that were asked for in this transaction."""
    await connection.execute(_ABANDON, {"run": run, "numbers": list(numbers), "why": why})


async def open_verifications(connection: Connection, run: int) -> list[OpenVerification]:
    """Verifications asked and not yet taken in, oldest first."""
    return [
        OpenVerification(
            id=row.id,
            number=row.number,
            state=EvaluationState(row.state),
            verdict=None if row.verdict is None else Verdict(row.verdict),
            score=row.score,
            host_fault=row.host_fault,
            gpu_s=row.gpu_s,
        )
        for row in await connection.execute(_OPEN_VERIFICATIONS, {"run": run})
    ]


async def close_verifications(connection: Connection, taken_in: Sequence[tuple[int, int]]) -> None:
    """Mark verifications as taken in, each given as (evaluation id, number of the event that did it)."""
    if not taken_in:
        return
    row = {"ids": [identity for identity, _ in taken_in], "events": [event for _, event in taken_in]}
    await connection.execute(_CLOSE_VERIFICATIONS, row)


async def last_host_fault(connection: Connection, run: int) -> str | None:
    """What the newest evaluation that failed through no fault of its program said, among the last 200 proposals."""
    return (await connection.execute(_LAST_HOST_FAULT, {"run": run})).scalar_one_or_none()
