"""What administrators ask a service, for programs that do not await."""

from collections.abc import Generator, Sequence

from evolution.people import Role
from galapagos.remote.administration import Limits
from galapagos.remote.waiting import Waiting
from server.schemas.people import Allowances, AuditEntry, Member, ModelsAllowed, NewToken, Person, Project, Token
from server.schemas.webhooks import Delivery, NewWebhook, Webhook, WebhookRequest


class BlockingAdministration(Waiting):
    """Each method does what that of the same name of `Administration` does."""

    def people(self) -> Generator[Person]:
        """Everybody."""
        return self._each(self._client.people())

    def add_person(self, name: str, *, is_admin: bool = False) -> Person:
        """Add somebody."""
        return self._wait(self._client.add_person, name, is_admin=is_admin)

    def set_active(self, person: int, active: bool) -> Person:
        """Take somebody's access away, or give it back."""
        return self._wait(self._client.set_active, person, active)

    def person_limits(self, person: int) -> Allowances:
        """What somebody may spend, and spent."""
        return self._wait(self._client.person_limits, person)

    def limit_person(self, person: int, limits: Limits) -> Allowances:
        """Limit what somebody may spend."""
        return self._wait(self._client.limit_person, person, limits)

    def tokens(self, person: int) -> Generator[Token]:
        """Somebody's tokens."""
        return self._each(self._client.tokens(person))

    def create_token(self, person: int, name: str, *, days: float | None = None) -> NewToken:
        """Make a token."""
        return self._wait(self._client.create_token, person, name, days=days)

    def revoke_token(self, token: int) -> Token:
        """Make a token void."""
        return self._wait(self._client.revoke_token, token)

    def projects(self) -> Generator[Project]:
        """The caller's projects."""
        return self._each(self._client.projects())

    def create_project(self, name: str) -> Project:
        """Add a project."""
        return self._wait(self._client.create_project, name)

    def rename_project(self, project: int, name: str) -> Project:
        """Give a project another name."""
        return self._wait(self._client.rename_project, project, name)

    def set_weight(self, project: int, weight: float) -> Project:
        """Give a project another share."""
        return self._wait(self._client.set_weight, project, weight)

    def allow_models(self, project: int, models: Sequence[str] | None) -> ModelsAllowed:
        """Say which models a project may use."""
        return self._wait(self._client.allow_models, project, models)

    def members(self, project: int) -> Generator[Member]:
        """Who belongs to a project."""
        return self._each(self._client.members(project))

    def admit(self, project: int, person: str, role: Role) -> Member:
        """Give somebody a role in a project."""
        return self._wait(self._client.admit, project, person, role)

    def dismiss(self, project: int, person: int) -> None:
        """Let somebody belong to a project no more."""
        self._wait(self._client.dismiss, project, person)

    def project_limits(self, project: int) -> Allowances:
        """What a project may spend, and spent."""
        return self._wait(self._client.project_limits, project)

    def limit_project(self, project: int, limits: Limits) -> Allowances:
        """Limit what a project may spend."""
        return self._wait(self._client.limit_project, project, limits)

    def retention(self, project: int) -> int | None:
        """For how many days a project keeps texts."""
        return self._wait(self._client.retention, project)

    def set_retention(self, project: int, days: int | None) -> int | None:
        """Set that."""
        return self._wait(self._client.set_retention, project, days)

    def webhooks(self, project: int) -> Generator[Webhook]:
        """Where alerts of a project are sent."""
        return self._each(self._client.webhooks(project))

    def create_webhook(self, project: int, wanted: WebhookRequest) -> NewWebhook:
        """Have alerts sent."""
        return self._wait(self._client.create_webhook, project, wanted)

    def delete_webhook(self, project: int, webhook: int) -> None:
        """Send nothing there any more."""
        self._wait(self._client.delete_webhook, project, webhook)

    def test_webhook(self, project: int, webhook: int) -> Delivery:
        """Have a test delivery sent."""
        return self._wait(self._client.test_webhook, project, webhook)

    def deliveries(self, project: int, webhook: int) -> Generator[Delivery]:
        """What was sent to a webhook."""
        return self._each(self._client.deliveries(project, webhook))

    def audit(self) -> Generator[AuditEntry]:
        """Who changed what."""
        return self._each(self._client.audit())
