"""What administrators ask a service: people, tokens, projects, limits, webhooks, retention and the audit log."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from evolution.limits import Resource
from evolution.people import Role
from galapagos.remote.asking import Asking
from galapagos.remote.connection import Again
from server.schemas.people import (
    Allowances,
    AuditEntry,
    Member,
    ModelsAllowed,
    NewToken,
    Person,
    Project,
    Retention,
    Token,
)
from server.schemas.webhooks import Delivery, NewWebhook, Webhook, WebhookRequest

Limits = Mapping[Resource, int | None]
"""Limits to set, None for none; what is left out stays as it is. Money is in millionths of a dollar."""


class Administration(Asking):
    """The part of the client that is about who may do what; docs/api.md says which role each method needs.

    People, projects, tokens and webhooks are named by their numbers.
    """

    async def people(self) -> AsyncGenerator[Person]:
        """Everybody, in the order in which they were added."""
        async for item in self._pages(Person, "/people"):
            yield item

    async def add_person(self, name: str, *, is_admin: bool = False) -> Person:
        """Add somebody, who has no token and belongs to no project yet."""
        return await self._ask(Person, "POST", "/people", body={"name": name, "is_admin": is_admin})

    async def set_active(self, person: int, active: bool) -> Person:
        """Let all tokens of a person be worth nothing, or something again."""
        return await self._ask(Person, "PATCH", f"/people/{person}", body={"active": active}, again=Again.HARMLESS)

    async def person_limits(self, person: int) -> Allowances:
        """What somebody's runs may spend together, and spent."""
        return await self._ask(Allowances, "GET", f"/people/{person}/limits")

    async def limit_person(self, person: int, limits: Limits) -> Allowances:
        """Set limits of what somebody's runs may spend together."""
        return await self._limit(f"/people/{person}/limits", limits)

    async def tokens(self, person: int) -> AsyncGenerator[Token]:
        """Somebody's tokens, oldest first, without their text."""
        async for item in self._pages(Token, f"/people/{person}/tokens"):
            yield item

    async def create_token(self, person: int, name: str, *, days: float | None = None) -> NewToken:
        """Make a token that is good for so many days, or for ever; its text is told now and never again."""
        return await self._ask(NewToken, "POST", f"/people/{person}/tokens", body={"name": name, "days": days})

    async def revoke_token(self, token: int) -> Token:
        """Let a token be worth nothing from now on."""
        return await self._ask(Token, "DELETE", f"/tokens/{token}", again=Again.HARMLESS)

    async def projects(self) -> AsyncGenerator[Project]:
        """The projects that the caller belongs to; all of them for who administers the installation."""
        async for item in self._pages(Project, "/projects"):
            yield item

    async def create_project(self, name: str) -> Project:
        """Add a project, to which nobody belongs yet."""
        return await self._ask(Project, "POST", "/projects", body={"name": name})

    async def rename_project(self, project: int, name: str) -> Project:
        """Give a project another name."""
        return await self._ask(Project, "PATCH", f"/projects/{project}", body={"name": name}, again=Again.HARMLESS)

    async def set_weight(self, project: int, weight: float) -> Project:
        """Give a project another share of slots and model calls against other projects, which have 1."""
        return await self._ask(Project, "PUT", f"/projects/{project}/weight", body={"weight": weight})

    async def allow_models(self, project: int, models: Sequence[str] | None) -> ModelsAllowed:
        """Say which models the runs of a project may ask; None is every one there is."""
        body = {"models": None if models is None else list(models)}
        return await self._ask(ModelsAllowed, "PUT", f"/projects/{project}/models", body=body)

    async def members(self, project: int) -> AsyncGenerator[Member]:
        """Who belongs to a project, in which role."""
        async for item in self._pages(Member, f"/projects/{project}/members"):
            yield item

    async def admit(self, project: int, person: str, role: Role) -> Member:
        """Give somebody, named by name, a role in a project, instead of the one that the person has there."""
        body = {"person": person, "role": role.value}
        return await self._ask(Member, "POST", f"/projects/{project}/members", body=body, again=Again.HARMLESS)

    async def dismiss(self, project: int, person: int) -> None:
        """Let somebody belong to a project no more."""
        await self.connection.ask("DELETE", f"/projects/{project}/members/{person}")

    async def project_limits(self, project: int) -> Allowances:
        """What the runs of a project may spend together, and spent."""
        return await self._ask(Allowances, "GET", f"/projects/{project}/limits")

    async def limit_project(self, project: int, limits: Limits) -> Allowances:
        """Set limits of what the runs of a project may spend together."""
        return await self._limit(f"/projects/{project}/limits", limits)

    async def retention(self, project: int) -> int | None:
        """For how many days ended runs of a project keep their texts; None is for ever."""
        return (await self._ask(Retention, "GET", f"/projects/{project}/retention")).days

    async def set_retention(self, project: int, days: int | None) -> int | None:
        """Set that. What is gone stays gone."""
        return (await self._ask(Retention, "PUT", f"/projects/{project}/retention", body={"days": days})).days

    async def webhooks(self, project: int) -> AsyncGenerator[Webhook]:
        """Where alerts of a project are sent."""
        # One page: a project has 20 at most, and the list takes no cursor.
        page = await self.connection.ask("GET", f"/projects/{project}/webhooks")
        for item in page["items"]:
            yield Webhook.model_validate(item)

    async def create_webhook(self, project: int, wanted: WebhookRequest) -> NewWebhook:
        """Have alerts of a project sent; the secret that signs them is told now and never again."""
        body = wanted.model_dump(mode="json")
        return await self._ask(NewWebhook, "POST", f"/projects/{project}/webhooks", body=body)

    async def delete_webhook(self, project: int, webhook: int) -> None:
        """Send nothing there any more."""
        await self.connection.ask("DELETE", f"/projects/{project}/webhooks/{webhook}")

    async def test_webhook(self, project: int, webhook: int) -> Delivery:
        """Have a test delivery sent; `deliveries` tells what comes of it."""
        return await self._ask(Delivery, "POST", f"/projects/{project}/webhooks/{webhook}/test")

    async def deliveries(self, project: int, webhook: int) -> AsyncGenerator[Delivery]:
        """What was sent to a webhook, or is to be, newest first."""
        async for item in self._pages(Delivery, f"/projects/{project}/webhooks/{webhook}/deliveries"):
            yield item

    async def audit(self) -> AsyncGenerator[AuditEntry]:
        """Who changed what, newest first."""
        async for item in self._pages(AuditEntry, "/audit"):
            yield item

    async def _limit(self, path: str, limits: Limits) -> Allowances:
        body = {resource.value: most for resource, most in limits.items()}
        return await self._ask(Allowances, "PATCH", path, body=body, again=Again.HARMLESS)
