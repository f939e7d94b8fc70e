"""The commands of whoever has the database of an installation: people, their tokens, and projects."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import typer

from database import allowances, allowed_models, people, projects, runs, sign_ins
from database.allowances import Allowances
from database.allowed_models import AllowedModels
from database.engine import Connection
from database.people import Person
from evolution.limits import Payer, Resource
from galapagos import options
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground, visit
from galapagos.people_options import (
    AdminOption,
    AnyOption,
    BudgetOption,
    DaysOption,
    EvaluationsOption,
    GpuSecondsOption,
    NameOption,
    NewNameArgument,
    NoneOption,
    OnlyOption,
    PersonArgument,
    ProjectArgument,
    RoleArgument,
    TokenArgument,
    TokensOption,
    WeightArgument,
    WhoseOption,
    limits_of,
    model_names,
)
from galapagos.rows import tell, tell_all, tell_allowances, tell_token

Answer = TypeVar("Answer")

people_app = typer.Typer(help="Add people, list them, and take their access away.", no_args_is_help=True)
token_app = typer.Typer(help="Make, revoke and list the tokens by which people are known.", no_args_is_help=True)
project_app = typer.Typer(help="Make projects, and say who belongs to them in which role.", no_args_is_help=True)


@people_app.command("first")
def first_person(name: NewNameArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Add the first administrator of a new installation, and print a token for that person."""

    async def work(connection: Connection) -> people.NewToken:
        return await people.first_administrator(connection, name)

    made = change(data, work)
    tell_token(made.id, made.text, as_json)


@people_app.command("add")
def add_person(
    name: NewNameArgument, admin: AdminOption = False, data: options.DataOption = None, as_json: options.JsonOption = False
) -> None:
    """Add a person."""

    async def work(connection: Connection) -> Person:
        return await people.create_person(connection, name, by=None, is_admin=admin)

    tell(change(data, work), as_json)


@people_app.command("list")
def list_people(data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """List everybody."""
    tell_all("people", change(data, people.people), as_json)


@people_app.command("deactivate")
def deactivate_person(who: PersonArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Let all tokens of a person be worth nothing; nothing of the person is deleted."""
    tell(change(data, lambda connection: _set_active(connection, who, False)), as_json)


@people_app.command("activate")
def activate_person(who: PersonArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Give a deactivated person access again."""
    tell(change(data, lambda connection: _set_active(connection, who, True)), as_json)


@people_app.command("unlink")
def unlink_person(who: PersonArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Let a person have no account of a provider any more; the next one of that name that signs in is the person's."""

    async def work(connection: Connection) -> Person:
        return await sign_ins.unlink(connection, (await people.person(connection, who)).id, by=None)

    tell(change(data, work), as_json)


@people_app.command("limit")
def limit_person(
    who: PersonArgument,
    budget: BudgetOption = None,
    tokens: TokensOption = None,
    evaluations: EvaluationsOption = None,
    gpu_seconds: GpuSecondsOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Limit what all runs that a person starts may spend together; without an option, tell what they spent."""

    async def work(connection: Connection) -> Allowances:
        somebody = await people.person(connection, who)
        return await _limited(connection, Payer.PERSON, somebody.id, limits_of(budget, tokens, evaluations, gpu_seconds))

    tell_allowances(_as_rows(change(data, work)), as_json)


@token_app.command("create")
def create_token(
    whose: PersonArgument,
    name: NameOption = "command line",
    days: DaysOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Make a token for a person and print it: it is stored nowhere, and nobody can tell it again."""

    async def work(connection: Connection) -> people.NewToken:
        until = None if days is None else datetime.now(UTC) + timedelta(days=days)
        owner = await people.person(connection, whose)
        return await people.create_token(connection, owner.id, name, by=None, expires_at=until)

    made = change(data, work)
    tell_token(made.id, made.text, as_json)


@token_app.command("revoke")
def revoke_token(number: TokenArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Let a token be worth nothing from now on."""
    tell(change(data, lambda connection: people.revoke_token(connection, number, by=None)), as_json)


@token_app.command("list")
def list_tokens(whose: WhoseOption = None, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """List tokens, with when they were last used; never their text."""

    async def work(connection: Connection) -> list[people.Token]:
        owner = None if whose is None else (await people.person(connection, whose)).id
        return await people.tokens(connection, owner)

    tell_all("tokens", change(data, work), as_json)


@project_app.command("create")
def create_project(name: NewNameArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Add a project, to which nobody belongs yet."""
    tell(change(data, lambda connection: projects.create(connection, name, by=None)), as_json)


@project_app.command("rename")
def rename_project(
    project: ProjectArgument, name: NewNameArgument, data: options.DataOption = None, as_json: options.JsonOption = False
) -> None:
    """Give a project another name."""

    async def work(connection: Connection) -> projects.Project:
        return await projects.rename(connection, (await projects.load(connection, project)).id, name, by=None)

    tell(change(data, work), as_json)


@project_app.command("limit")
def limit_project(
    project: ProjectArgument,
    budget: BudgetOption = None,
    tokens: TokensOption = None,
    evaluations: EvaluationsOption = None,
    gpu_seconds: GpuSecondsOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Limit what all runs of a project may spend together; without an option, tell what they spent."""

    async def work(connection: Connection) -> Allowances:
        place = await projects.load(connection, project)
        return await _limited(connection, Payer.PROJECT, place.id, limits_of(budget, tokens, evaluations, gpu_seconds))

    tell_allowances(_as_rows(change(data, work)), as_json)


@project_app.command("models")
def allow_models(
    project: ProjectArgument,
    only: OnlyOption = None,
    every: AnyOption = False,
    nothing: NoneOption = False,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Say which models the runs of a project may ask; without an option, tell it."""
    if bool(only) + every + nothing > 1:
        raise Failure("expected one of --only, --any and --none; got several", ExitCode.BAD_INPUT)

    async def work(connection: Connection) -> AllowedModels:
        place = await projects.load(connection, project)
        if not (only or every or nothing):
            return await allowed_models.of(connection, place.id)
        return await allowed_models.set_models(connection, place.id, None if every else model_names(only or ()), by=None)

    tell(change(data, work), as_json)


@project_app.command("weight")
def weigh_project(
    project: ProjectArgument, weight: WeightArgument, data: options.DataOption = None, as_json: options.JsonOption = False
) -> None:
    """Give a project another share of slots and of model calls against others that want them at the same time."""

    async def work(connection: Connection) -> projects.Project:
        return await projects.set_weight(connection, (await projects.load(connection, project)).id, weight, by=None)

    tell(change(data, work), as_json)


@project_app.command("priority")
def set_priority(
    run: options.RunArgument, priority: WeightArgument, data: options.DataOption = None, as_json: options.JsonOption = False
) -> None:
    """Give a run another share among the runs of its project."""

    async def work(connection: Connection) -> RunPriority:
        await runs.set_priority(connection, run, priority, by=None)
        return RunPriority(run, (await runs.load(connection, run)).priority)

    tell(change(data, work), as_json)


@project_app.command("list")
def list_projects(data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """List the projects."""
    tell_all("projects", change(data, projects.projects), as_json)


@project_app.command("members")
def list_members(project: ProjectArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """List who belongs to a project."""

    async def work(connection: Connection) -> list[projects.Member]:
        return await projects.members(connection, (await projects.load(connection, project)).id)

    tell_all("members", change(data, work), as_json)


@project_app.command("admit")
def admit_member(
    project: ProjectArgument,
    who: PersonArgument,
    role: RoleArgument,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Give a person a role in a project, instead of the one that the person has in it."""

    async def work(connection: Connection) -> list[projects.Member]:
        place, somebody = await projects.load(connection, project), await people.person(connection, who)
        await projects.set_member(connection, place.id, somebody.id, role, by=None)
        return await projects.members(connection, place.id)

    tell_all("members", change(data, work), as_json)


@project_app.command("dismiss")
def dismiss_member(
    project: ProjectArgument, who: PersonArgument, data: options.DataOption = None, as_json: options.JsonOption = False
) -> None:
    """Let a person belong to a project no more."""

    async def work(connection: Connection) -> list[projects.Member]:
        place, somebody = await projects.load(connection, project), await people.person(connection, who)
        await projects.remove_member(connection, place.id, somebody.id, by=None)
        return await projects.members(connection, place.id)

    tell_all("members", change(data, work), as_json)


async def _set_active(connection: Connection, who: str, active: bool) -> Person:
    return await people.set_active(connection, (await people.person(connection, who)).id, active, by=None)


async def _limited(connection: Connection, payer: Payer, owner: int, limits: dict[Resource, int | None]) -> Allowances:
    if limits:
        return await allowances.set_limits(connection, payer, owner, limits, by=None)
    return (await allowances.of(connection, payer, [owner]))[owner]


def _as_rows(found: Allowances) -> dict[str, dict[str, Any]]:
    return {resource.value: asdict(allowance) for resource, allowance in found.items()}


def change(data: Path | None, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """What `work` answers, in a transaction of the database that the settings name."""

    async def visited(ground: Ground) -> Answer:
        async with ground.database.begin() as connection:
            return await work(connection)

    return visit(data, visited)


@dataclass(frozen=True, slots=True)
class RunPriority:
    """What `galapagos project priority` answers."""

    run: int
    priority: float
