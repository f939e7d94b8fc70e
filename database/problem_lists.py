"""Which problems there are, and what is in one, for people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.engine import Connection
from database.errors import NotFound
from evolution.problem import Definition, Direction, Score


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A revision that a project knows since `created_at`, and what its `runs` there came to.

    `best_known` is the best of the values that the problem names for comparison, and `best_score` that of all programs, which
    `best_run` has. Scores are raw.
    """

    project: int
    revision: str
    name: str
    title: str
    created_at: datetime
    direction: Direction
    unit: str
    best_known: float | None
    runs: int
    best_run: int | None
    best_score: float | None


@dataclass(frozen=True, slots=True)
class StoredProblem:
    """A revision with the projects that know it. `files` are path and length in bytes, by path."""

    revision: str
    definition: dict[str, Any]
    created_at: datetime
    projects: tuple[int, ...]
    files: tuple[tuple[str, int], ...]


# The best of each run is one step into an index, so that the cost grows with runs and not with programs.
_LIST = sa.text("""
    SELECT k.project, k.revision, k.name, p.definition ->> 'title' AS title, k.created_at,
        CAST(p.definition -> 'score' AS text) AS score, CAST(p.definition -> 'known' AS text) AS known,
        (SELECT count(*) FROM run r WHERE r.problem = k.revision AND r.project = k.project) AS runs,
        b.run AS best_run, b.score AS best_recorded
    FROM (
        SELECT * FROM project_problem
        WHERE (CAST(:projects AS bigint[]) IS NULL OR project = ANY(CAST(:projects AS bigint[])))
            AND (CAST(:name AS text) IS NULL OR name = :name)
            AND (CAST(:at AS timestamptz) IS NULL OR (created_at, project, revision) < (:at, :project, :revision))
        ORDER BY created_at DESC, project DESC, revision DESC LIMIT :limit
    ) k JOIN problem p ON p.revision = k.revision
    LEFT JOIN LATERAL (
        SELECT r.id AS run, s.score FROM run r
        CROSS JOIN LATERAL (SELECT score FROM scored WHERE run = r.id ORDER BY score DESC LIMIT 1) s
        WHERE r.problem = k.revision AND r.project = k.project ORDER BY s.score DESC, r.id LIMIT 1
    ) b ON true
    ORDER BY k.created_at DESC, k.project DESC, k.revision DESC
""")
_ABOUT = sa.text("""
    SELECT CAST(p.definition AS text) AS definition, p.created_at,
        ARRAY(SELECT project FROM project_problem WHERE revision = p.revision ORDER BY project) AS projects
    FROM problem p WHERE p.revision = :revision
""")
_DEFINITION = sa.text("SELECT CAST(definition AS text) FROM problem WHERE revision = :revision")
_FILES = sa.text("""
    SELECT f.path, octet_length(b.content) AS length FROM problem_file f JOIN blob b ON b.hash = f.blob
    WHERE f.revision = :revision ORDER BY f.path
""")
_FILE = sa.text("""
    SELECT b.content FROM problem_file f JOIN blob b ON b.hash = f.blob WHERE f.revision = :revision AND f.path = :path
""")
_REVISION = sa.text("""
    SELECT revision FROM project_problem WHERE project = :project AND (revision = :problem OR name = :problem)
    ORDER BY revision = :problem DESC, created_at DESC, revision LIMIT 1
""")


async def listing(
    connection: Connection,
    projects: Sequence[int] | None,
    name: str | None,
    before: tuple[datetime, int, str] | None,
    limit: int,
) -> list[KnownProblem]:
    """What these projects know (None: all projects), newest first, from after `before`, the last one of the page before."""
    at, project, revision = before or (None, 0, "")
    row = {
        "projects": None if projects is None else list(projects),
        "name": name,
        "at": at,
        "project": project,
        "revision": revision,
        "limit": limit,
    }
    return [_known(found) for found in await connection.execute(_LIST, row)]


def _known(row: sa.Row[Any]) -> KnownProblem:
    score = Score.model_validate_json(row.score or "{}")
    known = [score.sign * float(one["value"]) for one in json.loads(row.known or "[]")]
    return KnownProblem(
        project=row.project,
        revision=row.revision,
        name=row.name,
        title=row.title,
        created_at=row.created_at,
        direction=score.direction,
        unit=score.unit,
        best_known=score.sign * max(known) if known else None,
        runs=row.runs,
        best_run=row.best_run,
        best_score=None if row.best_recorded is None else score.sign * row.best_recorded,
    )


async def about(connection: Connection, revision: str) -> StoredProblem:
    """One revision.

    Raises:
        NotFound: there is none.
    """
    found = (await connection.execute(_ABOUT, {"revision": revision})).first()
    if found is None:
        raise no_problem(revision)
    files = await connection.execute(_FILES, {"revision": revision})
    return StoredProblem(
        revision=revision,
        definition=json.loads(found.definition),
        created_at=found.created_at,
        projects=tuple(found.projects),
        files=tuple((row.path, row.length) for row in files),
    )


async def definition(connection: Connection, revision: str) -> Definition:
    """The definition alone.

    Raises:
        NotFound: there is no such revision.
    """
    found: str | None = (await connection.execute(_DEFINITION, {"revision": revision})).scalar_one_or_none()
    if found is None:
        raise no_problem(revision)
    return Definition.model_validate_json(found)


async def file(connection: Connection, revision: str, path: str) -> bytes:
    """The content of one file of a revision.

    Raises:
        NotFound: there is none.
    """
    content: bytes | None = (await connection.execute(_FILE, {"revision": revision, "path": path})).scalar_one_or_none()
    if content is None:
        raise NotFound(f"the problem has no file {path!r}")
    return content


async def revision_of(connection: Connection, project: int, problem: str) -> str:
    """The revision that a project means by `problem`: a revision that it knows, or the newest one of a name.

    Raises:
        NotFound: the project knows neither.
    """
    found = await connection.execute(_REVISION, {"project": project, "problem": problem})
    revision: str | None = found.scalar_one_or_none()
    if revision is None:
        raise NotFound(f"project {project} knows no problem {problem!r}; upload it first")
    return revision


def no_problem(revision: str) -> NotFound:
    """That there is no such revision, or none that the one who asks may know of."""
    return NotFound(f"there is no problem with the revision {revision!r} in this database")
