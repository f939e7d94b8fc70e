"""Who may do what: the roles that a person has in a project, and what each of them allows."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is in a project: `WORKER` is for agents and programs that answer proposals and need nothing else."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    WORKER = "worker"


class Action(StrEnum):
    """What may be done in a project.

    `READ`: its runs, their programs, scores, archives and logs. `INSPECT`: what would help an agent to cheat or is
    nobody else's business: judges, prompts and answers, spending, exports. `SUBMIT`: new problems and runs. `STEER`:
    runs that exist: pause, stop, budgets, models, ideas. `WORK`: lease proposals and answer them. `ADMINISTER`: who
    belongs to the project, and its limits.
    """

    READ = "read"
    INSPECT = "inspect"
    SUBMIT = "submit"
    STEER = "steer"
    WORK = "work"
    ADMINISTER = "administer"


ALLOWED: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Action),
        Role.MEMBER: frozenset({Action.READ, Action.INSPECT, Action.SUBMIT, Action.STEER, Action.WORK}),
        Role.VIEWER: frozenset({Action.READ, Action.INSPECT}),
        Role.WORKER: frozenset({Action.READ, Action.WORK}),
    }
)


def allows(role: Role, action: Action) -> bool:
    """Whether the role allows the action in its project."""
    return action in ALLOWED[role]
