"""People as they are answered."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from evolution.people import Action, Role
from server.schemas.base import Answer, Body, shown


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
