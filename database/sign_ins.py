"""People who sign in with an account of a provider: what is under way, whose account it is, and the token that it ends in."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database import audit, people, projects
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from database.people import NewToken, Person
from evolution.people import Role

LASTS_S = 600.0
"""So long somebody may take to sign in."""
MOST_UNDER_WAY = 10_000
"""Sign-ins that are begun and not ended. Anybody may begin one: the oldest make room, so that nothing grows without end."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its provider vouches for it: `subject` is what it is called there for ever, `name` what people call it.

    `verified`: the name is one that its user cannot have made up, an e-mail address that the provider verified.
    """

    issuer: str
    subject: str
    name: str
    verified: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who does something by signing in, before there is a token."""

    person: int
    token: int | None = None


_FORGET = sa.text("""
    DELETE FROM sign_in WHERE expires_at <= greatest(
        now(), (SELECT expires_at FROM sign_in ORDER BY expires_at DESC OFFSET :most LIMIT 1)
    )
""")
_BEGIN = sa.text("INSERT INTO sign_in (hash, expires_at) VALUES (:hash, now() + make_interval(secs => :lasts_s))")
_TAKE = sa.text("DELETE FROM sign_in WHERE hash = :hash RETURNING expires_at > now()")
_OF_ACCOUNT = sa.text("SELECT id FROM person WHERE issuer = :issuer AND subject = :subject")
_LINK = sa.text("""
    UPDATE person SET issuer = :issuer, subject = :subject WHERE id = :person AND issuer IS NULL RETURNING id
""")
_UNLINK = sa.text("""
    UPDATE person SET issuer = NULL, subject = NULL WHERE id = :person AND issuer IS NOT NULL RETURNING id
""")
_MEMBER = sa.text("SELECT CAST(role AS text) FROM membership WHERE project = :project AND person = :person")
_END = sa.text("""
    UPDATE token SET revoked_at = now() WHERE hash = :hash AND session AND revoked_at IS NULL RETURNING id, person
""")


async def begin(connection: Connection, state: str, secret: str) -> None:
    """Let a sign-in be under way: `state` goes to the provider and comes back, `secret` stays in the browser."""
    await connection.execute(_FORGET, {"most": MOST_UNDER_WAY - 1})
    await connection.execute(_BEGIN, {"hash": _hash(state, secret), "lasts_s": LASTS_S})


async def take(connection: Connection, state: str, secret: str) -> bool:
    """Whether such a sign-in is under way in the browser with this secret. It is taken: nobody can end it twice."""
    return bool((await connection.execute(_TAKE, {"hash": _hash(state, secret)})).scalar())


async def person_of(connection: Connection, account: Account, *, create: bool) -> tuple[Person, bool]:
    """Whose account it is, and whether the person is new.

    The first sign-in links the account to the person of its name, or with `create` to a new one.

    After that the account alone counts: whoever gets the name at the provider later does not get the person.

    Raises:
        NotAllowed: nobody is called so and nobody is to be created, the person has another account, or is deactivated.
    """
    named = {"issuer": account.issuer, "subject": account.subject}
    known = (await connection.execute(_OF_ACCOUNT, named)).scalar()
    new = False
    if known is None:
        found, new = await _linked(connection, account, named, create)
    else:
        found = await people.person(connection, known)
    if not found.active:
        raise NotAllowed(f"{found.name!r} is deactivated and cannot sign in; ask an administrator of the installation")
    return found, new


async def _linked(connection: Connection, account: Account, named: dict[str, str], create: bool) -> tuple[Person, bool]:
    name, new = people.checked_name(account.name, "person"), False
    try:
        found = await people.person(connection, name)
    except NotFound:
        if not create:
            raise NotAllowed(
                f"nobody here is named {name!r}; expected a person whom an administrator has added under that name; ask one"
            ) from None
        found, new = await people.insert_person(connection, name), True
        told = {"name": name, "is_admin": False}
        await audit.note(connection, SignedIn(found.id), "create_person", f"person {found.id}", told)
    if found.is_admin and not account.verified:
        raise NotAllowed(
            f"{name!r} administers the installation and is linked by a verified e-mail address alone; expected that as the "
            "person's name and name_claim; sign in with a token"
        )
    if (await connection.execute(_LINK, named | {"person": found.id})).first() is None:
        raise NotAllowed(
            f"{name!r} is linked to another account of a provider; if that is right no more, an administrator unlinks it: "
            f"galapagos people unlink {name}"
        )
    await audit.note(connection, SignedIn(found.id), "link_person", f"person {found.id}", named)
    return found, new


async def unlink(connection: Connection, who: int, *, by: audit.Actor | None) -> Person:
    """Let a person have no account of a provider any more: the next one of that name that signs in becomes the person's.

    Raises:
        NotFound: no such person.
    """
    found = await people.person(connection, who)
    if (await connection.execute(_UNLINK, {"person": who})).first() is not None:
        await audit.note(connection, by, "unlink_person", f"person {who}", {})
    return found


async def set_role(connection: Connection, who: int, project: str, role: Role | None) -> None:
    """Give who signs in this role in a project, or none; what is so already is left as it is.

    Raises:
        NotFound: no such project.
    """
    place = await projects.load(connection, project)
    now = (await connection.execute(_MEMBER, {"project": place.id, "person": who})).scalar()
    if role is not None and role.value != now:
        await projects.set_member(connection, place.id, who, role, by=SignedIn(who))
    elif role is None and now is not None:
        await projects.remove_member(connection, place.id, who, by=SignedIn(who))


async def make_token(connection: Connection, who: int, hours: float) -> NewToken:
    """The token of a session that lasts for so many hours."""
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    return await people.create_token(connection, who, "sign-in", by=SignedIn(who), expires_at=expires_at, session=True)


async def end(connection: Connection, text: str) -> None:
    """Let the token of a session be worth nothing; any other one stays good."""
    row = (await connection.execute(_END, {"hash": people.hash_of(text)})).first()
    if row is not None:
        await audit.note(connection, SignedIn(row.person, row.id), "revoke_token", f"token {row.id}", {})


def _hash(state: str, secret: str) -> bytes:
    return hashlib.sha256(f"{state}.{secret}".encode("utf-8", "replace")).digest()
