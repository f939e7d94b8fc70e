"""The commands by which administrators ask a service about projects and their alerts: `galapagos remote project`, `webhook`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galapagos import options, people_options
from galapagos.failures import ExitCode, Failure
from galapagos.remote.answers import with_client
from galapagos.rows import tell, tell_all, tell_allowances

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.people import Member, Project
    from server.schemas.webhooks import Delivery, NewWebhook, Webhook

project_app = typer.Typer(
    help="Make projects of the service, and say who belongs to them and what they may.", no_args_is_help=True
)
webhook_app = typer.Typer(help="Have alerts of a project sent, and see what became of them.", no_args_is_help=True)
WebhookArgument = Annotated[
    int, typer.Argument(metavar="WEBHOOK", help="Number of a webhook; `galapagos remote webhook list` tells it.")
]
UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="Address that takes a POST, over http or https.")]
KindOption = Annotated[list[str], typer.Option("--kind", help="budget, plateau, verified_best or run_ended; repeat it.")]
ShareOption = Annotated[list[int] | None, typer.Option("--share", help="Percent of a limit; repeat it. [default: 50, 80, 100]")]
PlateauOption = Annotated[
    int | None, typer.Option("--plateau", metavar="N", help="A plateau is no new best for so many evaluations.")
]


@dataclass(frozen=True, slots=True)
class AllowedModel:
    """A model that a project may use."""

    model: str


async def project_named(client: "AsyncClient", name: str) -> "Project":
    """The project of that name, among those that the caller belongs to.

    Raises:
        Failure: there is none.
    """
    async for found in client.projects():
        if found.name == name:
            return found
    raise Failure(
        f"there is no project {name!r} that you belong to; `galapagos remote project list` names them", ExitCode.BAD_INPUT
    )


@project_app.command("list")
def list_projects(as_json: options.JsonOption = False) -> None:
    """List the projects that you belong to."""

    async def work(client: "AsyncClient") -> "list[Project]":
        return [one async for one in client.projects()]

    tell_all("projects", with_client(work), as_json)


@project_app.command("create")
def create_project(name: people_options.NewNameArgument, as_json: options.JsonOption = False) -> None:
    """Add a project, to which nobody belongs yet."""
    tell(with_client(lambda client: client.create_project(name)), as_json)


@project_app.command("rename")
def rename_project(
    project: people_options.ProjectArgument, name: people_options.NewNameArgument, as_json: options.JsonOption = False
) -> None:
    """Give a project another name."""

    async def work(client: "AsyncClient") -> "Project":
        return await client.rename_project((await project_named(client, project)).id, name)

    tell(with_client(work), as_json)


@project_app.command("limit")
def limit_project(
    project: people_options.ProjectArgument,
    budget: people_options.BudgetOption = None,
    tokens: people_options.TokensOption = None,
    evaluations: people_options.EvaluationsOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Limit what all runs of a project may spend together; without an option, tell it."""
    limits = people_options.limits_of(budget, tokens, evaluations)

    async def work(client: "AsyncClient") -> dict[str, Any]:
        number = (await project_named(client, project)).id
        found = await (client.limit_project(number, limits) if limits else client.project_limits(number))
        return found.model_dump(mode="json")

    tell_allowances(with_client(work), as_json)


@project_app.command("models")
def allow_models(
    project: people_options.ProjectArgument,
    only: people_options.OnlyOption = None,
    every: people_options.AnyOption = False,
    nothing: people_options.NoneOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Say which models the runs of a project may ask; then, or without an option, list those that it may."""
    if bool(only) + every + nothing > 1:
        raise Failure("expected one of --only, --any and --none; got several", ExitCode.BAD_INPUT)
    names = people_options.model_names(only or ())

    async def work(client: "AsyncClient") -> list[AllowedModel]:
        number = (await project_named(client, project)).id
        if only or every or nothing:
            await client.allow_models(number, None if every else names)
        return [AllowedModel(one.name) async for one in client.models(number)]

    tell_all("models", with_client(work), as_json)


@project_app.command("weight")
def weigh_project(
    project: people_options.ProjectArgument, weight: people_options.WeightArgument, as_json: options.JsonOption = False
) -> None:
    """Give a project another share of slots and of model calls against others that want them at the same time."""

    async def work(client: "AsyncClient") -> "Project":
        return await client.set_weight((await project_named(client, project)).id, weight)

    tell(with_client(work), as_json)


@project_app.command("retention")
def keep_texts(
    project: people_options.ProjectArgument, days: people_options.KeptOption = None, as_json: options.JsonOption = False
) -> None:
    """Let ended runs lose, after so many days, the texts that nothing of lasting worth needs; without it, tell for how long."""
    chosen = None if days is None else people_options.checked_days(days)

    async def work(client: "AsyncClient") -> people_options.Retention:
        number = (await project_named(client, project)).id
        return people_options.Retention(
            project, await (client.retention(number) if days is None else client.set_retention(number, chosen))
        )

    tell(with_client(work), as_json)


@project_app.command("members")
def list_members(project: people_options.ProjectArgument, as_json: options.JsonOption = False) -> None:
    """List who belongs to a project."""

    async def work(client: "AsyncClient") -> "list[Member]":
        number = (await project_named(client, project)).id
        return [one async for one in client.members(number)]

    tell_all("members", with_client(work), as_json)


@project_app.command("admit")
def admit_member(
    project: people_options.ProjectArgument,
    who: people_options.PersonArgument,
    role: people_options.RoleArgument,
    as_json: options.JsonOption = False,
) -> None:
    """Give a person a role in a project, instead of the one that the person has in it."""

    async def work(client: "AsyncClient") -> "Member":
        return await client.admit((await project_named(client, project)).id, who, role)

    tell(with_client(work), as_json)


@project_app.command("dismiss")
def dismiss_member(
    project: people_options.ProjectArgument, who: people_options.PersonArgument, as_json: options.JsonOption = False
) -> None:
    """Let a person belong to a project no more."""

    async def work(client: "AsyncClient") -> "list[Member]":
        number = (await project_named(client, project)).id
        members = [one async for one in client.members(number)]
        found = next((one for one in members if one.name == who), None)
        if found is None:
            raise Failure(f"{who!r} does not belong to project {project!r}", ExitCode.BAD_INPUT)
        await client.dismiss(number, found.person)
        return [one for one in members if one is not found]

    tell_all("members", with_client(work), as_json)


@webhook_app.command("list")
def list_webhooks(project: people_options.ProjectArgument, as_json: options.JsonOption = False) -> None:
    """List where alerts of a project are sent."""

    async def work(client: "AsyncClient") -> "list[Webhook]":
        number = (await project_named(client, project)).id
        return [one async for one in client.webhooks(number)]

    tell_all("webhooks", with_client(work), as_json)


@webhook_app.command("create")
def create_webhook(
    project: people_options.ProjectArgument,
    url: UrlArgument,
    kind: KindOption,
    share: ShareOption = None,
    plateau: PlateauOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Have alerts of a project sent, and print the secret that signs them, the only time that it can be told."""
    from pydantic import ValidationError

    from server.schemas.webhooks import WebhookRequest

    given = {"url": url, "kinds": kind, "plateau_evaluations": plateau} | ({"shares": share} if share else {})
    try:
        wanted = WebhookRequest.model_validate(given)
    except ValidationError as error:
        raise Failure("; ".join(item["msg"] for item in error.errors()), ExitCode.BAD_INPUT) from None

    async def work(client: "AsyncClient") -> "NewWebhook":
        return await client.create_webhook((await project_named(client, project)).id, wanted)

    tell(with_client(work), as_json)


@webhook_app.command("delete")
def delete_webhook(
    project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False
) -> None:
    """Send nothing there any more; what was sent there is forgotten."""

    async def work(client: "AsyncClient") -> "list[Webhook]":
        place = (await project_named(client, project)).id
        await client.delete_webhook(place, number)
        return [one async for one in client.webhooks(place)]

    tell_all("webhooks", with_client(work), as_json)


@webhook_app.command("test")
def try_webhook(project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False) -> None:
    """Have a test delivery sent there."""

    async def work(client: "AsyncClient") -> "Delivery":
        return await client.test_webhook((await project_named(client, project)).id, number)

    tell(with_client(work), as_json)


@webhook_app.command("deliveries")
def list_deliveries(
    project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False
) -> None:
    """List what was sent there, or is to be, newest first."""

    async def work(client: "AsyncClient") -> "list[Delivery]":
        place = (await project_named(client, project)).id
        return [one async for one in client.deliveries(place, number)]

    tell_all("deliveries", with_client(work), as_json)
