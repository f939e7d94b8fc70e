"""The commands by which administrators ask a service about projects and their alerts: `galapagos remote project`, `webhook`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from galapagos import options, people_options
from galapagos.failures import ExitCode, Failure
from galapagos.remote.answers import with_client
from galapagos.remote.naming import every, with_project
from galapagos.rows import tell, tell_all, tell_allowances

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.people import Member
    from server.schemas.webhooks import Webhook

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


@project_app.command("list")
def list_projects(as_json: options.JsonOption = False) -> None:
    """List the projects that you belong to."""
    tell_all("projects", with_client(lambda client: every(client.projects())), as_json)


@project_app.command("create")
def create_project(name: people_options.NewNameArgument, as_json: options.JsonOption = False) -> None:
    """Add a project, to which nobody belongs yet."""
    tell(with_client(lambda client: client.create_project(name)), as_json)


@project_app.command("rename")
def rename_project(
    project: people_options.ProjectArgument, name: people_options.NewNameArgument, as_json: options.JsonOption = False
) -> None:
    """Give a project another name."""
    tell(with_project(project, lambda client, number: client.rename_project(number, name)), as_json)


@project_app.command("limit")
def limit_project(
    project: people_options.ProjectArgument,
    budget: people_options.BudgetOption = None,
    tokens: people_options.TokensOption = None,
    evaluations: people_options.EvaluationsOption = None,
    gpu_seconds: people_options.GpuSecondsOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Limit what all runs of a project may spend together; without an option, tell it."""
    limits = people_options.limits_of(budget, tokens, evaluations, gpu_seconds)
    found = with_project(
        project, lambda client, number: client.limit_project(number, limits) if limits else client.project_limits(number)
    )
    tell_allowances(found.model_dump(mode="json"), as_json)


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

    async def work(client: "AsyncClient", number: int) -> list[AllowedModel]:
        if only or every or nothing:
            await client.allow_models(number, None if every else names)
        return [AllowedModel(one.name) async for one in client.models(number)]

    tell_all("models", with_project(project, work), as_json)


@project_app.command("weight")
def weigh_project(
    project: people_options.ProjectArgument, weight: people_options.WeightArgument, as_json: options.JsonOption = False
) -> None:
    """Give a project another share of slots and of model calls against others that want them at the same time."""
    tell(with_project(project, lambda client, number: client.set_weight(number, weight)), as_json)


@project_app.command("retention")
def keep_texts(
    project: people_options.ProjectArgument, days: people_options.KeptOption = None, as_json: options.JsonOption = False
) -> None:
    """Let ended runs lose, after so many days, the texts that nothing of lasting worth needs; without it, tell for how long."""
    chosen = None if days is None else people_options.checked_days(days)
    kept = with_project(
        project, lambda client, number: client.retention(number) if days is None else client.set_retention(number, chosen)
    )
    tell(people_options.Retention(project, kept), as_json)


@project_app.command("members")
def list_members(project: people_options.ProjectArgument, as_json: options.JsonOption = False) -> None:
    """List who belongs to a project."""
    tell_all("members", with_project(project, lambda client, number: every(client.members(number))), as_json)


@project_app.command("admit")
def admit_member(
    project: people_options.ProjectArgument,
    who: people_options.PersonArgument,
    role: people_options.RoleArgument,
    as_json: options.JsonOption = False,
) -> None:
    """Give a person a role in a project, instead of the one that the person has in it."""
    tell(with_project(project, lambda client, number: client.admit(number, who, role)), as_json)


@project_app.command("dismiss")
def dismiss_member(
    project: people_options.ProjectArgument, who: people_options.PersonArgument, as_json: options.JsonOption = False
) -> None:
    """Let a person belong to a project no more."""

    async def work(client: "AsyncClient", number: int) -> "list[Member]":
        members = await every(client.members(number))
        found = next((one for one in members if one.name == who), None)
        if found is None:
            raise Failure(f"{who!r} does not belong to project {project!r}", ExitCode.BAD_INPUT)
        await client.dismiss(number, found.person)
        return [one for one in members if one is not found]

    tell_all("members", with_project(project, work), as_json)


@webhook_app.command("list")
def list_webhooks(project: people_options.ProjectArgument, as_json: options.JsonOption = False) -> None:
    """List where alerts of a project are sent."""
    tell_all("webhooks", with_project(project, lambda client, number: every(client.webhooks(number))), as_json)


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
    tell(with_project(project, lambda client, number: client.create_webhook(number, wanted)), as_json)


@webhook_app.command("delete")
def delete_webhook(
    project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False
) -> None:
    """Send nothing there any more; what was sent there is forgotten."""

    async def work(client: "AsyncClient", place: int) -> "list[Webhook]":
        await client.delete_webhook(place, number)
        return await every(client.webhooks(place))

    tell_all("webhooks", with_project(project, work), as_json)


@webhook_app.command("test")
def try_webhook(project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False) -> None:
    """Have a test delivery sent there."""
    tell(with_project(project, lambda client, place: client.test_webhook(place, number)), as_json)


@webhook_app.command("deliveries")
def list_deliveries(
    project: people_options.ProjectArgument, number: WebhookArgument, as_json: options.JsonOption = False
) -> None:
    """List what was sent there, or is to be, newest first."""
    tell_all("deliveries", with_project(project, lambda client, place: every(client.deliveries(place, number))), as_json)
