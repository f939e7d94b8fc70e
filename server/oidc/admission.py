"""Whom an account of the provider stands for here, and what that person may do."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from database import sign_ins
from database.engine import Connection
from database.errors import NotFound
from database.people import NewToken
from database.sign_ins import Account
from evolution.people import Role
from server.oidc.configuration import OidcConfiguration, Unknown
from server.oidc.failures import NotVouched

log = logging.getLogger(__name__)


def account(told: OidcConfiguration, claims: Mapping[str, Any]) -> Account:
    """The account of somebody who may come in as far as the provider's claims decide.

    Raises:
        NotVouched: a claim is missing or has another value than the configuration asks for.
    """
    if told.domains or told.name_claim == "email":
        _check_address(told, claims)
    for claim, values in told.require.items():
        if not set(values) & _values(claims, claim):
            raise NotVouched(f"your account has none of the values of {claim!r} that let somebody in; ask an administrator")
    name = claims.get(told.name_claim)
    if not isinstance(name, str) or not name:
        raise NotVouched(f"the provider does not tell {told.name_claim!r} of your account, by which people are known here")
    return Account(told.issuer, claims["sub"], name, verified=told.name_claim == "email")


def _check_address(told: OidcConfiguration, claims: Mapping[str, Any]) -> None:
    address = claims.get("email")
    if not isinstance(address, str) or claims.get("email_verified") is not True:
        raise NotVouched("the provider does not vouch for an e-mail address of your account; verify it there, and begin again")
    domain = address.rpartition("@")[2].casefold()
    if told.domains and domain not in {one.casefold() for one in told.domains}:
        raise NotVouched(f"addresses at {domain} are not let in; expected one at {', '.join(told.domains)}")


def _values(claims: Mapping[str, Any], claim: str) -> set[str]:
    """The values of a claim that has one or a list of them, as text."""
    found = claims.get(claim)
    items = cast("list[Any]", found) if isinstance(found, list) else [found]
    return {str(item).lower() if isinstance(item, bool) else str(item) for item in items if isinstance(item, str | int)}


async def admit(connection: Connection, told: OidcConfiguration, claims: Mapping[str, Any]) -> NewToken:
    """Let somebody in: the person, with the roles that the rules give, and a token that ends with the session.

    Raises:
        NotVouched, NotAllowed: the person may not come in.
    """
    allowed = account(told, claims)
    found, new = await sign_ins.person_of(connection, allowed, create=told.unknown is Unknown.VIEWER)
    roles: dict[str, Role | None] = {told.project: Role.VIEWER} if new else {}
    roles |= {rule.project: None for rule in told.roles}
    for rule in reversed(told.roles):
        if rule.value in _values(claims, rule.claim):
            roles[rule.project] = rule.role
    for project, role in roles.items():
        try:
            await sign_ins.set_role(connection, found.id, project, role)
        except NotFound as error:
            log.warning("%s; the file of GALAPAGOS_OIDC names it; add it, or correct the file", error)
    return await sign_ins.make_token(connection, found.id, told.hours)
