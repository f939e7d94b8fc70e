"""Projects, which own problems and runs, and who belongs to them in which role.

As in `database.people`, every function that changes something takes `by` and appends to the audit log.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database import audit, people
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.people import Role


@dataclass(frozen=True, slots=True)
class Project:
    """Owns problems and runs. `weight` is its share of slots and of model calls against other projects."""

    id: int
    name: str
    weight: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a project."""

    person: int
    name: str
    active: bool
    role: Role


_PROJECT = "SELECT id, name, weight, created_at FROM project"
_CREATE = sa.text("""
    WITH made AS (
        INSERT INTO project (name) VALUES (:name) ON CONFLICT (name) DO NOTHING RETURNING id, name, weight, created_at
    ),
    may AS (INSERT INTO allowance (project, resource) SELECT id, unnest(enum_range(CAST(NULL AS resource))) FROM made),
    turns AS (INSERT INTO turn (project, share) SELECT id, unnest(enum_range(CAST(NULL AS share))) FROM made)
    SELECT * FROM made
""")
# "names": two projects that are to get the same name get it one after the other, so that the second is refused.
_LOCK_NAMES = sa.text("SELECT pg_advisory_xact_lock(CAST(x'6e616d6573' AS bigint))")
_RENAME = sa.text("""
    UPDATE project SET name = :name
    WHERE id = :project AND NOT EXISTS (SELECT FROM project WHERE name = :name AND id <> :project)
    RETURNING id, name, weight, created_at
""")
_SET_WEIGHT = sa.text("UPDATE project SET weight = :weight WHERE id = :project")
_OF_ID = sa.text(f"{_PROJECT} WHERE id = :project")
_OF_NAME = sa.text(f"{_PROJECT} WHERE name = :name")
_ALL = sa.text(f"{_PROJECT} WHERE id > :after ORDER BY id LIMIT CAST(:limit AS bigint)")
_OF_PERSON = sa.text("""
    SELECT p.id, p.name, p.weight, p.created_at FROM project p JOIN membership m ON m.project = p.id
    WHERE m.person = :person AND p.id > :after ORDER BY p.id LIMIT CAST(:limit AS bigint)
""")
_SET_MEMBER = sa.text("""
    INSERT INTO membership (project, person, role) VALUES (:project, :person, CAST(CAST(:role AS text) AS role))
    ON CONFLICT (project, person) DO UPDATE SET role = excluded.role
""")
_REMOVE_MEMBER = sa.text("DELETE FROM membership WHERE project = :project AND person = :person RETURNING person")
_MEMBERS = sa.text("""
    SELECT p.id AS person, p.name, p.active, CAST(m.role AS text) AS role
    FROM membership m JOIN person p ON p.id = m.person WHERE m.project = :project AND p.id > :after
    ORDER BY p.id LIMIT CAST(:limit AS bigint)
""")


async def create(connection: Connection, name: str, *, by: audit.Actor | None) -> Project:
    """Add a project, to which nobody belongs yet.

    Raises:
        NotAllowed: there is one of this name, or none may be called so.
    """
    row = {"name": people.checked_name(name, "project")}
    await connection.execute(_LOCK_NAMES)
    made = (await connection.execute(_CREATE, row)).mappings().first()
    if made is None:
        raise _taken(name)
    found = Project(**made)
    await audit.note(connection, by, "create_project", f"project {found.id}", row)
    return found


async def rename(connection: Connection, project: int, name: str, *, by: audit.Actor | None) -> Project:
    """Give a project another name.

    Raises:
        NotFound: no such project.
        NotAllowed: another one is named so, or none may be called so.
    """
    await connection.execute(_LOCK_NAMES)
    await load(connection, project)
    row = {"project": project, "name": people.checked_name(name, "project")}
    renamed = (await connection.execute(_RENAME, row)).mappings().first()
    if renamed is None:
        raise _taken(name)
    await audit.note(connection, by, "rename_project", f"project {project}", {"name": name})
    return Project(**renamed)


async def set_weight(connection: Connection, project: int, weight: float, *, by: audit.Actor | None) -> Project:
    """Give a project another share of slots and of model calls, against others that want them at the same time.

    Raises:
        NotFound: no such project.
        NotAllowed: it is not from 0.001 to 1000.
    """
    await load(connection, project)
    await connection.execute(_SET_WEIGHT, {"project": project, "weight": checked_weight(weight)})
    await audit.note(connection, by, "set_weight", f"project {project}", {"weight": weight})
    return await load(connection, project)


def checked_weight(weight: float) -> float:
    """The weight, if it can be one.

    Raises:
        NotAllowed: it is not from 0.001 to 1000.
    """
    if not 0.001 <= weight <= 1000:
        raise NotAllowed(f"expected a weight from 0.001 to 1000, got {weight:g}; choose another")
    return weight


async def load(connection: Connection, which: int | str) -> Project:
    """A project by id or by name.

    Raises:
        NotFound: there is none.
    """
    query, row = (_OF_ID, {"project": which}) if isinstance(which, int) else (_OF_NAME, {"name": which})
    found = (await connection.execute(query, row)).mappings().first()
    if found is None:
        raise NotFound(f"there is no project {which!r} in this database")
    return Project(**found)


async def projects(connection: Connection, of: int | None = None, after: int = 0, limit: int | None = None) -> list[Project]:
    """All projects, or those that person `of` belongs to, oldest first: behind `after`, at most `limit` (None: any number)."""
    row = {"after": after, "limit": limit} | ({} if of is None else {"person": of})
    found = await connection.execute(_ALL if of is None else _OF_PERSON, row)
    return [Project(**row) for row in found.mappings()]


async def members(connection: Connection, project: int, after: int = 0, limit: int | None = None) -> list[Member]:
    """Who belongs to a project, by id: behind person `after`, at most `limit` (None: any number)."""
    rows = await connection.execute(_MEMBERS, {"project": project, "after": after, "limit": limit})
    return [Member(row.person, row.name, row.active, Role(row.role)) for row in rows]


async def set_member(connection: Connection, project: int, person: int, role: Role, *, by: audit.Actor | None) -> None:
    """Give a person a role in a project, instead of the one that the person has in it.

    Raises:
        NotFound: no such project or person.
    """
    await load(connection, project)
    await people.person(connection, person)
    await connection.execute(_SET_MEMBER, {"project": project, "person": person, "role": role.value})
    await audit.note(connection, by, "set_member", f"project {project}", {"person": person, "role": role.value})


async def remove_member(connection: Connection, project: int, person: int, *, by: audit.Actor | None) -> None:
    """Let a person belong to a project no more.

    Raises:
        NotFound: no such member.
    """
    if (await connection.execute(_REMOVE_MEMBER, {"project": project, "person": person})).first() is None:
        raise NotFound(f"person {person} does not belong to project {project}")
    await audit.note(connection, by, "remove_member", f"project {project}", {"person": person})


def _taken(name: str) -> NotAllowed:
    return NotAllowed(f"there is a project named {name!r} already; choose another name")
