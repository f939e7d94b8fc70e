"""People and the tokens by which they are known. The text of a token is told once; only its SHA-256 is stored.

Every function that changes something takes `by`, the caller who asked for it (None: somebody who has the database
itself), and appends to the audit log in the same transaction.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database import audit
from database.encoding import storable
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.people import Action, Role, allows

PREFIX = "gal_"
"""So every token begins, that people and scanners for leaked secrets know one when they see it."""
_LONGEST_NAME = 100
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may have tokens. `is_admin`: administers the installation. Tokens of who is not `active` are void."""

    id: int
    name: str
    is_admin: bool
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What is told of a token: never its text, nor its hash. `last_used_at` is right to the minute."""

    id: int
    person: int
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; `text` can be told now and never again."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who stands behind a token: the id of the person, the name, and the role in each project by its id."""

    person: int
    name: str
    is_admin: bool
    token: int
    memberships: Mapping[int, Role]

    def may(self, action: Action, project: int) -> bool:
        """Whether the caller may do this in the project; an administrator of the installation may do all in every one."""
        role = self.memberships.get(project)
        return self.is_admin or (role is not None and allows(role, action))


_PERSON = "SELECT id, name, is_admin, active, created_at FROM person"
_TOKEN = "SELECT id, person, name, created_at, expires_at, revoked_at, last_used_at FROM token"  # noqa: S105 - a query
_CREATE_PERSON = sa.text("""
    WITH made AS (
        INSERT INTO person (name, is_admin) VALUES (:name, :is_admin) ON CONFLICT (name) DO NOTHING
        RETURNING id, name, is_admin, active, created_at
    ),
    may AS (INSERT INTO allowance (person, resource) SELECT id, unnest(enum_range(CAST(NULL AS resource))) FROM made)
    SELECT * FROM made
""")
_PERSON_OF_ID = sa.text(f"{_PERSON} WHERE id = :person")
_PERSON_OF_NAME = sa.text(f"{_PERSON} WHERE name = :name")
_PEOPLE = sa.text(f"{_PERSON} WHERE id > :after ORDER BY id LIMIT CAST(:limit AS bigint)")
# Two administrators who deactivate one another wait here, so that one of them stays.
_LOCK_ADMINISTRATORS = sa.text("SELECT id FROM person WHERE is_admin AND active ORDER BY id FOR NO KEY UPDATE")
_SET_ACTIVE = sa.text("UPDATE person SET active = :active WHERE id = :person")
_CREATE_TOKEN = sa.text("""
    INSERT INTO token (person, name, hash, expires_at, session) VALUES (:person, :name, :hash, :expires_at, :session)
    RETURNING id
""")
_REVOKE = sa.text("UPDATE token SET revoked_at = now() WHERE id = :token AND revoked_at IS NULL RETURNING person")
_TOKEN_OF_ID = sa.text(f"{_TOKEN} WHERE id = :token")
_TOKENS = sa.text(f"""
    {_TOKEN} WHERE (CAST(:person AS bigint) IS NULL OR person = :person) AND id > :after
    ORDER BY id LIMIT CAST(:limit AS bigint)
""")
_ANY_TOKEN = sa.text("SELECT EXISTS (SELECT FROM token)")
# "first": whoever wants to be the first administrator waits for who wanted it before.
_LOCK_FIRST = sa.text("SELECT pg_advisory_xact_lock(CAST(x'6669727374' AS bigint))")
# Who calls often is written down once a minute, and nobody waits for somebody else who does it.
_IDENTIFY = sa.text("""
    WITH used AS (
        UPDATE token SET last_used_at = now() WHERE id = (
            SELECT id FROM token
            WHERE hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
                AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
            FOR NO KEY UPDATE SKIP LOCKED
        )
    )
    SELECT t.id AS token, p.id AS person, p.name, p.is_admin,
        coalesce(array_agg(m.project) FILTER (WHERE m.project IS NOT NULL), '{}') AS projects,
        coalesce(array_agg(CAST(m.role AS text)) FILTER (WHERE m.project IS NOT NULL), '{}') AS roles
    FROM token t JOIN person p ON p.id = t.person LEFT JOIN membership m ON m.person = p.id
    WHERE t.hash = :hash AND t.revoked_at IS NULL AND p.active AND (t.expires_at IS NULL OR t.expires_at > now())
    GROUP BY t.id, p.id
""")


def checked_name(name: str, of: str) -> str:
    """The name, if one may be called so.

    Raises:
        NotAllowed: it is empty or too long, or has characters that cannot be seen.
    """
    if 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip() == storable(name):
        return name
    raise NotAllowed(
        f"the name of a {of} must be 1 to {_LONGEST_NAME} visible characters without spaces at its ends; got "
        f"{name[: 2 * _LONGEST_NAME]!r}; choose another"
    )


async def create_person(connection: Connection, name: str, *, by: audit.Actor | None, is_admin: bool = False) -> Person:
    """Add a person; an administrator of the installation may do everything in every project.

    Raises:
        NotAllowed: there is one of this name, or nobody may be called so.
    """
    found = await insert_person(connection, name, is_admin=is_admin)
    await audit.note(connection, by, "create_person", f"person {found.id}", {"name": name, "is_admin": is_admin})
    return found


async def insert_person(connection: Connection, name: str, *, is_admin: bool = False) -> Person:
    """Add a person without telling the audit log, which whoever calls this does.

    Raises:
        NotAllowed: there is one of this name, or nobody may be called so.
    """
    row = {"name": checked_name(name, "person"), "is_admin": is_admin}
    made = (await connection.execute(_CREATE_PERSON, row)).mappings().first()
    if made is None:
        raise NotAllowed(f"there is a person named {name!r} already; choose another name")
    return Person(**made)


async def person(connection: Connection, which: int | str) -> Person:
    """A person by id or by name.

    Raises:
        NotFound: there is none.
    """
    query, row = (_PERSON_OF_ID, {"person": which}) if isinstance(which, int) else (_PERSON_OF_NAME, {"name": which})
    found = (await connection.execute(query, row)).mappings().first()
    if found is None:
        raise NotFound(f"there is no person {which!r} in this database")
    return Person(**found)


async def people(connection: Connection, after: int = 0, limit: int | None = None) -> list[Person]:
    """Everybody in the order in which they were added, behind person `after`, at most `limit` (None: any number)."""
    return [Person(**row) for row in (await connection.execute(_PEOPLE, {"after": after, "limit": limit})).mappings()]


async def set_active(connection: Connection, which: int, active: bool, *, by: audit.Actor | None) -> Person:
    """Let all tokens of a person be worth nothing, or something again; nothing of the person is deleted.

    Raises:
        NotFound: no such person.
        NotAllowed: nobody would be left who administers the installation.
    """
    administrators = (await connection.execute(_LOCK_ADMINISTRATORS)).scalars().all()
    found = await person(connection, which)
    if not active and list(administrators) == [which]:
        raise NotAllowed(
            f"{found.name!r} is the only active administrator of the installation; expected that another one stays; add one "
            "first"
        )
    await connection.execute(_SET_ACTIVE, {"person": which, "active": active})
    await audit.note(connection, by, "activate_person" if active else "deactivate_person", f"person {which}", {})
    return await person(connection, which)


async def create_token(
    connection: Connection,
    whose: int,
    name: str,
    *,
    by: audit.Actor | None,
    expires_at: datetime | None = None,
    session: bool = False,
) -> NewToken:
    """Make a token for a person; `expires_at` has a time zone, None is never. That of a `session` ends with it.

    Raises:
        NotFound: no such person.
        NotAllowed: the person is not active, or nothing may be called so.
    """
    owner = await person(connection, whose)
    if not owner.active:
        raise NotAllowed(f"{owner.name!r} is deactivated and cannot get a token; activate the person first")
    text = PREFIX + secrets.token_urlsafe(32)
    row = {"person": whose, "name": checked_name(name, "token"), "hash": hash_of(text), "expires_at": expires_at}
    row["session"] = session
    number: int = (await connection.execute(_CREATE_TOKEN, row)).scalar_one()
    told = {"person": whose, "name": name, "expires_at": expires_at.isoformat() if expires_at else None}
    await audit.note(connection, by, "create_token", f"token {number}", told)
    return NewToken(number, text)


async def revoke_token(connection: Connection, number: int, *, by: audit.Actor | None) -> Token:
    """Let a token be worth nothing from now on; one that was revoked before stays as it is.

    Raises:
        NotFound: no such token.
    """
    if (await connection.execute(_REVOKE, {"token": number})).first() is not None:
        await audit.note(connection, by, "revoke_token", f"token {number}", {})
    return await token(connection, number)


async def token(connection: Connection, number: int) -> Token:
    """One token.

    Raises:
        NotFound: no such token.
    """
    row = (await connection.execute(_TOKEN_OF_ID, {"token": number})).mappings().first()
    if row is None:
        raise NotFound(f"there is no token {number} in this database")
    return Token(**row)


async def tokens(connection: Connection, whose: int | None = None, after: int = 0, limit: int | None = None) -> list[Token]:
    """The tokens of one person, or of everybody, oldest first, behind token `after`, at most `limit` (None: any number)."""
    row = {"person": whose, "after": after, "limit": limit}
    return [Token(**found) for found in (await connection.execute(_TOKENS, row)).mappings()]


async def any_token(connection: Connection) -> bool:
    """Whether anybody ever got a token: without one, nobody but this machine's own users may be let in."""
    return (await connection.execute(_ANY_TOKEN)).scalar_one()


async def first_administrator(connection: Connection, name: str) -> NewToken:
    """Begin an installation: add its first administrator, with a token.

    Raises:
        NotAllowed: somebody has a token already, or nobody may be called so.
    """
    await connection.execute(_LOCK_FIRST)
    if await any_token(connection):
        raise NotAllowed("this installation has tokens already; expected a new one; let one of its administrators add people")
    made = await create_person(connection, name, by=None, is_admin=True)
    return await create_token(connection, made.id, "first", by=None)


async def identify(connection: Connection, text: str) -> Caller | None:
    """Who stands behind the text of a token; None if it is unknown, revoked, expired, or its owner deactivated.

    One statement. The text is compared by its hash alone, so that the time tells nothing of the tokens that exist.
    """
    if len(text) > _LONGEST_TOKEN:
        return None
    row = (await connection.execute(_IDENTIFY, {"hash": hash_of(text)})).first()
    if row is None:
        return None
    memberships = {project: Role(role) for project, role in zip(row.projects, row.roles, strict=True)}
    return Caller(row.person, row.name, row.is_admin, row.token, memberships)


def hash_of(text: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
