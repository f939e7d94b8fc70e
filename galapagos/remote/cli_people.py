"""The commands by which administrators ask a service about people and tokens: `galapagos remote people`, `token`, `audit`."""

from typing import TYPE_CHECKING, Annotated

import typer

from galapagos import options, people_options
from galapagos.remote.answers import with_client
from galapagos.remote.naming import every, with_person
from galapagos.rows import tell, tell_all, tell_allowances, tell_token

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.people import AuditEntry, Token

people_app = typer.Typer(help="Add people to the service, list them, and take their access away.", no_args_is_help=True)
token_app = typer.Typer(help="Make, revoke and list the tokens by which the service knows people.", no_args_is_help=True)
MostOption = Annotated[int, typer.Option("--most", min=1, help="Most entries.")]


@people_app.command("list")
def list_people(as_json: options.JsonOption = False) -> None:
    """List everybody."""
    tell_all("people", with_client(lambda client: every(client.people())), as_json)


@people_app.command("add")
def add_person(
    name: people_options.NewNameArgument, admin: people_options.AdminOption = False, as_json: options.JsonOption = False
) -> None:
    """Add a person."""
    tell(with_client(lambda client: client.add_person(name, is_admin=admin)), as_json)


@people_app.command("deactivate")
def deactivate_person(who: people_options.PersonArgument, as_json: options.JsonOption = False) -> None:
    """Let all tokens of a person be worth nothing; nothing of the person is deleted."""
    tell(with_person(who, lambda client, number: client.set_active(number, False)), as_json)


@people_app.command("activate")
def activate_person(who: people_options.PersonArgument, as_json: options.JsonOption = False) -> None:
    """Give a deactivated person access again."""
    tell(with_person(who, lambda client, number: client.set_active(number, True)), as_json)


@people_app.command("limit")
def limit_person(
    who: people_options.PersonArgument,
    budget: people_options.BudgetOption = None,
    tokens: people_options.TokensOption = None,
    evaluations: people_options.EvaluationsOption = None,
    gpu_seconds: people_options.GpuSecondsOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Limit what all runs that a person starts may spend together; without an option, tell it."""
    limits = people_options.limits_of(budget, tokens, evaluations, gpu_seconds)
    found = with_person(
        who, lambda client, number: client.limit_person(number, limits) if limits else client.person_limits(number)
    )
    tell_allowances(found.model_dump(mode="json"), as_json)


@token_app.command("create")
def create_token(
    who: people_options.PersonArgument,
    name: people_options.NameOption = "command line",
    days: people_options.DaysOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Make a token for a person and print it, the only time that it can be told."""
    made = with_person(who, lambda client, number: client.create_token(number, name, days=days))
    tell_token(made.id, made.text, as_json)


@token_app.command("revoke")
def revoke_token(number: people_options.TokenArgument, as_json: options.JsonOption = False) -> None:
    """Let a token be worth nothing from now on."""
    tell(with_client(lambda client: client.revoke_token(number)), as_json)


@token_app.command("list")
def list_tokens(
    whose: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help="Tokens of this person. [default: your own]")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the tokens of a person, with when they were last used."""

    async def own(client: "AsyncClient") -> "list[Token]":
        return await every(client.tokens((await client.me()).person))

    found = with_client(own) if whose is None else with_person(whose, lambda client, number: every(client.tokens(number)))
    tell_all("tokens", found, as_json)


def audit(most: MostOption = 50, as_json: options.JsonOption = False) -> None:
    """List who changed what, newest first."""

    async def work(client: "AsyncClient") -> "list[AuditEntry]":
        found: list[AuditEntry] = []
        async for entry in client.audit():
            found.append(entry)
            if len(found) == most:
                break
        return found

    tell_all("changes", with_client(work), as_json)
