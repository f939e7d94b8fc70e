"""Problems, stored whole under the hash of their content."""

import sqlalchemy as sa

from database import blobs
from database.encoding import to_json
from database.engine import Connection
from database.errors import NotFound
from evolution.problem import Problem, problem_from_files

_STORE = sa.text(
    "INSERT INTO problem (revision, name, definition) VALUES (:revision, :name, CAST(:definition AS jsonb)) "
    "ON CONFLICT DO NOTHING RETURNING revision"
)
_STORE_FILES = sa.text(
    "INSERT INTO problem_file (revision, path, blob) SELECT :revision, path, hash "
    "FROM unnest(CAST(:paths AS text[]), CAST(:hashes AS bytea[])) AS file(path, hash)"
)
_ADD = sa.text(
    "INSERT INTO project_problem (project, revision, name) SELECT :project, revision, name FROM problem "
    "WHERE revision = :revision ON CONFLICT DO NOTHING RETURNING revision"
)
_LOAD = sa.text(
    "SELECT f.path, b.content FROM problem_file f JOIN blob b ON b.hash = f.blob WHERE f.revision = :revision ORDER BY f.path"
)


async def store(connection: Connection, problem: Problem) -> None:
    """Store the problem; nothing happens if this revision is stored already."""
    row = {
        "revision": problem.revision,
        "name": problem.definition.name,
        "definition": to_json(problem.definition.model_dump(mode="json")),
    }
    if (await connection.execute(_STORE, row)).first() is None:
        return
    paths = sorted(problem.files)
    hashes = await blobs.put(connection, [problem.files[path] for path in paths])
    await connection.execute(_STORE_FILES, {"revision": problem.revision, "paths": paths, "hashes": hashes})


async def add(connection: Connection, project: int, revision: str) -> bool:
    """Let a project know a stored problem; False if it does already."""
    return (await connection.execute(_ADD, {"project": project, "revision": revision})).first() is not None


async def load(connection: Connection, revision: str) -> Problem:
    """Read a problem back, with all its files.

    Raises:
        NotFound: no such revision.
    """
    rows = (await connection.execute(_LOAD, {"revision": revision})).all()
    if not rows:
        raise NotFound(f"no problem with the revision {revision!r} is stored in this database")
    return problem_from_files({path: content for path, content in rows})  # noqa: C416 - a Row is not typed as a pair
