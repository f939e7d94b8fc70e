"""People, their tokens and projects, as they are asked for and answered."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from evolution.limits import Resource
from evolution.people import Action, Role
from server.schemas.base import LARGEST_ID, Answer, Body, shown

if TYPE_CHECKING:
    # Only named: who asks a service over HTTP needs no database.
    from database.allowances import Allowances as StoredAllowances

Name = Annotated[str, Field(min_length=1, max_length=100, description="visible characters, without spaces at the ends")]
Most = Annotated[int, Field(ge=0, le=LARGEST_ID)]
BOB = {"id": 2, "name": "bob", "is_admin": False, "active": True, "created_at": "2026-03-01T12:00:00Z"}
TOKEN = {
    "id": 5,
    "person": 2,
    "name": "laptop",
    "created_at": "2026-03-01T12:00:00Z",
    "expires_at": "2026-06-01T12:00:00Z",
    "revoked_at": None,
    "last_used_at": "2026-03-02T08:30:00Z",
}
PROTEINS = {"id": 3, "name": "proteins", "weight": 1.0, "created_at": "2026-03-01T12:00:00Z"}


class Membership(Answer):
    """A project that somebody belongs to, and what the role there allows."""

    project: int
    name: str
    role: Role
    actions: list[Action]


class Me(Answer):
    """Whoever asks. An administrator of the installation may do everything in every project, memberships or not."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "person": 2,
                "name": "bob",
                "is_admin": False,
                "token": 5,
                "memberships": [{"project": 1, "name": "default", "role": "viewer", "actions": ["read", "inspect"]}],
            }
        ),
    )

    person: int
    name: str
    is_admin: bool = Field(description="administers the installation")
    token: int = Field(description="id of the token that was used")
    memberships: list[Membership]


class SignIn(Body):
    """The token of whoever signs in."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"token": "gal_" + 43 * "x"}))

    token: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_-]{1,200}$")]


class SignInWay(Answer):
    """The provider with whose accounts people sign in, and the address of the service where they do; null if there is none."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra=shown({"title": "Example", "url": "https://galapagos.example.org"})
    )

    title: str | None
    url: str | None


class BegunSignIn(Answer):
    """Where the browser is to go."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra=shown({"address": "https://accounts.example.org/authorize?response_type=code&state=..."})
    )

    address: str


class ReturnedSignIn(Body):
    """What the provider added to the address that it sent the browser to."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"code": "b8a7", "state": 43 * "x"}))

    code: Annotated[str, Field(min_length=1, max_length=4000)]
    state: Annotated[str, Field(min_length=1, max_length=200)]
    iss: Annotated[str, Field(max_length=500)] | None = None


class PersonRequest(Body):
    """Somebody to add. `is_admin`: who administers the installation."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"name": "eve"}))

    name: Name
    is_admin: bool = False


class PersonChange(Body):
    """Whether the tokens of a person are worth anything; nothing of the person is deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"active": False}))

    active: bool


class Person(Answer):
    """Somebody who may have tokens. Those of who is not `active` are worth nothing."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(BOB))

    id: int
    name: str
    is_admin: bool
    active: bool
    created_at: datetime


class TokenRequest(Body):
    """A token to make: what it is for, and for how many days it is good; null is for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"name": "laptop", "days": 90}))

    name: Name
    days: Annotated[float, Field(gt=0, le=36_500)] | None = None


class Token(Answer):
    """What is told of a token; never its text. `last_used_at` is right to the minute."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(TOKEN))

    id: int
    person: int
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewToken(Answer):
    """A token that was just made. Nobody can tell its `text` again."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown({"id": 5, "text": "gal_..."}))

    id: int
    text: str


class LimitsRequest(Body):
    """Limits to set, each null for none; those that are left out stay as they are."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=shown({"micro_dollars": 200_000_000, "evaluations": None})
    )

    micro_dollars: Most | None = None
    tokens: Most | None = None
    evaluations: Most | None = None
    gpu_milliseconds: Most | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            names = ", ".join(resource.value for resource in Resource)
            raise ValueError(f"expected at least one of {names}; name one, null for no limit")
        return self

    @property
    def given(self) -> dict[Resource, int | None]:
        """The limits that are named."""
        return {resource: getattr(self, resource.value) for resource in Resource if resource.value in self.model_fields_set}


class Allowance(Answer):
    """What may be spent of one resource, null for any amount, and what is spent or reserved for what is under way."""

    most: int | None
    spent: int
    reserved: int


class Allowances(Answer):
    """What a project or a person may spend over all runs together, and spent."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "micro_dollars": {"most": 200_000_000, "spent": 71_800, "reserved": 900},
                "tokens": {"most": None, "spent": 352_000, "reserved": 4_100},
                "evaluations": {"most": None, "spent": 812, "reserved": 8},
                "gpu_milliseconds": {"most": None, "spent": 0, "reserved": 0},
            }
        ),
    )

    micro_dollars: Allowance
    tokens: Allowance
    evaluations: Allowance
    gpu_milliseconds: Allowance

    @classmethod
    def of(cls, found: "StoredAllowances") -> Self:
        """As stored."""
        return cls.model_validate({key.value: asdict(allowance) for key, allowance in found.items()})


class ProjectRequest(Body):
    """A project to add, to which nobody belongs yet."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"name": "enzymes"}))

    name: Name


class WeightRequest(Body):
    """A project's share of slots and model calls against others that want them at the same time."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"weight": 2.0}))

    weight: Annotated[float, Field(ge=0.001, le=1000)]


class Project(Answer):
    """Owns problems and runs."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(PROTEINS))

    id: int
    name: str
    weight: float
    created_at: datetime


class ModelsAllowed(Body):
    """The models that a project may use: null is every one there is, an empty list none."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"models": ["small"]}))

    models: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=1000)] | None


class Retention(Body):
    """So many days after their end the runs of a project keep texts that nothing of lasting worth needs; null is for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"days": 90}))

    days: Annotated[int, Field(ge=1, le=36_500)] | None


class MemberRequest(Body):
    """Somebody who gets a role in a project, instead of the one that the person has in it, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"person": "bob", "role": "member"}))

    person: Name
    role: Role


class Member(Answer):
    """A person in a project."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra=shown({"person": 2, "name": "bob", "active": True, "role": "member"})
    )

    person: int
    name: str
    active: bool
    role: Role


class AuditEntry(Answer):
    """One change: who did what to what, by which token. Null: somebody who has the database itself."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "id": 81,
                "person": 1,
                "name": "ada",
                "token": 1,
                "action": "set_member",
                "subject": "project 3",
                "detail": {"person": 2, "role": "member"},
                "at": "2026-03-01T12:00:00Z",
            }
        ),
    )

    id: int
    person: int | None
    name: str | None
    token: int | None
    action: str
    subject: str
    detail: dict[str, Any]
    at: datetime
