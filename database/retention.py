"""Retention: ended runs of a project lose, after so many days, the texts that nothing of lasting worth needs.

What goes are the sources, prompts, answers, feedback and logs of programs that are neither elite, record, champion or one of
its ancestors, verified, pinned, nor the seed program of a fork; and those of refused proposals. The log, scores, metrics,
lineage and spending stay. A source that went is stored as no files at all, a prompt and an answer as an empty text: no
program has no files, and no prompt is empty.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database import audit, blobs
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.limits import LONGEST_RETENTION_DAYS

BATCH = 200
"""Proposals that lose their texts in one transaction."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What a run lost: the sources of so many programs, and so many prompts with their answers; `ended_at` None: it goes on."""

    run: int
    began_at: datetime
    ended_at: datetime | None
    programs: int
    prompts: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What one batch removed; `contents` counts texts that nobody named any more, so that they are gone from the disk."""

    run: int
    programs: int
    prompts: int
    contents: int
    ended: bool


_SET_DAYS = sa.text("UPDATE project SET retention_days = CAST(:days AS integer) WHERE id = :project RETURNING id")
_DAYS = sa.text("SELECT retention_days FROM project WHERE id = :project")
_OF = sa.text("SELECT run, began_at, ended_at, programs, prompts FROM removal WHERE run = :run")
# "removal": one process removes at a time; who finds another at it leaves it to that one.
_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(CAST(x'72656d6f76616c' AS bigint))")
_NEXT = sa.text("""
    (SELECT run, true AS begun FROM removal WHERE ended_at IS NULL ORDER BY run LIMIT 1)
    UNION ALL (
        SELECT r.id, false FROM project p JOIN run r ON r.project = p.id
        WHERE p.retention_days IS NOT NULL AND r.state = 'finished' AND r.stop_reason <> 'damaged'
            AND r.finished_at < now() - make_interval(days => p.retention_days)
            AND NOT EXISTS (SELECT FROM removal m WHERE m.run = r.id)
        ORDER BY r.id LIMIT 1
    ) LIMIT 1
""")
# A run that is reopened in this moment waits for this lock, or is seen to be no longer ended.
_LOCK_RUN = sa.text("SELECT CAST(state AS text) FROM run WHERE id = :run FOR NO KEY UPDATE")
_BEGIN = sa.text("INSERT INTO removal (run) VALUES (:run)")
_BATCH = sa.text("""
    SELECT p.id, p.number FROM proposal p JOIN removal m ON m.run = p.run
    WHERE p.run = :run AND p.number > m.after_number ORDER BY p.number LIMIT :limit
""")
_KEPT = sa.text("""
    WITH RECURSIVE line AS (
        SELECT g.number, g.parent FROM run r JOIN program g ON g.run = r.id AND g.number = r.champion WHERE r.id = :run
        UNION ALL SELECT g.number, g.parent FROM line JOIN program g ON g.run = :run AND g.number = line.parent
    )
    SELECT 0 AS number UNION SELECT number FROM line
    UNION SELECT number FROM elite WHERE run = :run
    UNION SELECT number FROM record WHERE run = :run
    UNION SELECT origin_program FROM run WHERE origin_run = :run
    UNION SELECT g.number FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'verify' WHERE g.run = :run
    UNION SELECT CAST(pin ->> 0 AS integer) FROM search_state s CROSS JOIN jsonb_array_elements(
        CASE jsonb_typeof(s.state -> 'pins') WHEN 'array' THEN s.state -> 'pins' ELSE '[]' END) AS pin WHERE s.run = :run
""")
# A function of the schema, which alone may change what is written once: only of runs that ended, and only to nothing.
_REMOVE = sa.text("""
    SELECT what, hash FROM remove_texts(:run, CAST(:numbers AS integer[]), CAST(:proposals AS bigint[]))
""")
_SAY_SO = sa.text("SELECT set_config('galapagos.removes', 'texts', true), set_config('lock_timeout', '500ms', true)")
# Whoever stores a content, or finds it stored, names it in the same transaction. So behind this lock nobody is in between.
_LOCK_CONTENTS = sa.text("LOCK TABLE blob IN SHARE ROW EXCLUSIVE MODE")
_SWEEP = sa.text("""
    DELETE FROM blob b WHERE b.hash = ANY(CAST(:hashes AS bytea[]))
        AND NOT EXISTS (SELECT FROM program WHERE files = b.hash)
        AND NOT EXISTS (SELECT FROM problem_file WHERE blob = b.hash)
        AND NOT EXISTS (SELECT FROM proposal WHERE child = b.hash)
        AND NOT EXISTS (SELECT FROM completion WHERE prompt = b.hash)
        AND NOT EXISTS (SELECT FROM completion WHERE answer = b.hash)
        AND NOT EXISTS (SELECT FROM assignment WHERE prompt = b.hash)
        AND NOT EXISTS (SELECT FROM assignment WHERE answer = b.hash)
        AND NOT EXISTS (SELECT FROM evaluation WHERE picture = b.hash)
    RETURNING 1
""")
_NOTE = sa.text("""
    UPDATE removal SET programs = programs + :programs, prompts = prompts + :prompts,
        after_number = greatest(after_number, CAST(:after AS integer)), ended_at = CASE WHEN :ended THEN clock_timestamp() END
    WHERE run = :run
""")


async def set_days(connection: Connection, project: int, days: int | None, *, by: audit.Actor | None) -> int | None:
    """Let ended runs of a project lose their texts after so many days; None: they keep them. What is gone stays gone.

    Raises:
        NotFound: no such project.
        NotAllowed: that is not from 1 to 36500.
    """
    if days is not None and not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise NotAllowed(f"expected 1 to {LONGEST_RETENTION_DAYS} days, got {days}; choose another number")
    if (await connection.execute(_SET_DAYS, {"project": project, "days": days})).first() is None:
        raise NotFound(f"there is no project {project} in this database")
    await audit.note(connection, by, "set_retention", f"project {project}", {"days": days})
    return days


async def days(connection: Connection, project: int) -> int | None:
    """After how many days ended runs of a project lose their texts; None: they keep them."""
    return (await connection.execute(_DAYS, {"project": project})).scalar_one_or_none()


async def of(connection: Connection, run: int) -> Removal | None:
    """What a run lost; None if it has all its texts."""
    row = (await connection.execute(_OF, {"run": run})).first()
    return None if row is None else Removal(row.run, row.began_at, row.ended_at, row.programs, row.prompts)


async def refuse_removed(connection: Connection, run: int, what: str) -> None:
    """Go on only if the run has all its texts.

    Raises:
        NotAllowed: it does not; the text says that `what` cannot be done.
    """
    found = await of(connection, run)
    if found is not None:
        raise NotAllowed(
            f"run {run} lost sources of its programs on {found.began_at:%Y-%m-%d}, by the retention of its project: "
            f"{what}; fork one of the programs that it kept"
        )


async def remove_batch(connection: Connection) -> Removed | None:
    """Remove the texts of the next `BATCH` proposals of one run that is due; None if none is, or another process is at it.

    Raises:
        DatabaseUnavailable: others held what is needed for too long; nothing was removed, try again.
    """
    if not (await connection.execute(_LOCK)).scalar_one():
        return None
    found = (await connection.execute(_NEXT)).first()
    if found is None or (await connection.execute(_LOCK_RUN, {"run": found.run})).scalar_one() != "finished":
        return None
    if not found.begun:
        await connection.execute(_BEGIN, {"run": found.run})
    batch = (await connection.execute(_BATCH, {"run": found.run, "limit": BATCH})).all()
    kept = set((await connection.execute(_KEPT, {"run": found.run})).scalars())
    gone = [row for row in batch if row.number not in kept]
    programs, prompts, hashes = await _remove(connection, found.run, [row.number for row in gone], [row.id for row in gone])
    contents = await _sweep(connection, hashes)
    ended = len(batch) < BATCH
    after = batch[-1].number if batch else -1
    noted = {"run": found.run, "programs": programs, "prompts": prompts, "after": after, "ended": ended}
    await connection.execute(_NOTE, noted)
    return Removed(found.run, programs, prompts, contents, ended)


async def _remove(connection: Connection, run: int, numbers: list[int], proposals: list[int]) -> tuple[int, int, set[bytes]]:
    """How many sources and prompts went, and the hashes of what is no longer named by them."""
    if not numbers:
        return 0, 0, set()
    # What stands for them must be there.
    await blobs.put(connection, [blobs.pack_files({})])
    await blobs.put(connection, [b""], private=True)
    row = {"run": run, "numbers": numbers, "proposals": proposals}
    gone = (await connection.execute(_REMOVE, row)).all()
    kinds = [found.what for found in gone]
    return kinds.count("source"), kinds.count("prompt"), {found.hash for found in gone}


async def _sweep(connection: Connection, hashes: set[bytes]) -> int:
    if not hashes:
        return 0
    await connection.execute(_SAY_SO)
    await connection.execute(_LOCK_CONTENTS)
    return len((await connection.execute(_SWEEP, {"hashes": sorted(hashes)})).all())
