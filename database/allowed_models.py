"""Which of the configured models a project may use: all of them, unless an administrator said which.

What a run may ask is looked at when it is created, forked or reopened, and when it is told of other models. A run that
goes on keeps what it has.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database import audit
from database.engine import Connection
from database.errors import NotAllowed, NotFound


class ModelsNotAllowed(NotAllowed):
    """The project may not use a model that a run of it is to ask; the text says which, and which it may."""


@dataclass(frozen=True, slots=True)
class AllowedModels:
    """What a project may use: every model (`any`), or those named in `models`, in the order of their names."""

    project: str
    any: bool
    models: tuple[str, ...]

    def allows(self, model: str) -> bool:
        """Whether the project may use this one."""
        return self.any or model in self.models


_OF = sa.text("""
    SELECT p.name, p.any_model,
        ARRAY(SELECT m.model FROM project_model m WHERE m.project = p.id ORDER BY m.model) AS models
    FROM project p WHERE p.id = :project
""")
_OF_SOME = sa.text("""
    SELECT coalesce(bool_or(p.any_model), false) AS any_model,
        ARRAY(SELECT DISTINCT m.model FROM project_model m WHERE m.project = ANY(CAST(:projects AS bigint[]))) AS models
    FROM project p WHERE p.id = ANY(CAST(:projects AS bigint[]))
""")
_SET = sa.text("""
    WITH gone AS (DELETE FROM project_model WHERE project = :project AND model <> ALL(CAST(:models AS text[]))),
    come AS (
        INSERT INTO project_model (project, model) SELECT :project, unnest(CAST(:models AS text[])) ON CONFLICT DO NOTHING
    )
    UPDATE project SET any_model = :any WHERE id = :project
""")


async def of(connection: Connection, project: int) -> AllowedModels:
    """What a project may use.

    Raises:
        NotFound: no such project.
    """
    row = (await connection.execute(_OF, {"project": project})).first()
    if row is None:
        raise NotFound(f"there is no project {project} in this database")
    return AllowedModels(row.name, row.any_model, tuple(row.models))


async def of_some(connection: Connection, projects: Sequence[int]) -> frozenset[str] | None:
    """What any of these projects may use; None for every model there is."""
    row = (await connection.execute(_OF_SOME, {"projects": list(projects)})).one()
    return None if row.any_model else frozenset(row.models)


async def set_models(
    connection: Connection, project: int, models: Collection[str] | None, *, by: audit.Actor | None
) -> AllowedModels:
    """Let a project use these models and no others, whether they are configured yet or not; None: every one there is.

    Raises:
        NotFound: no such project.
    """
    await of(connection, project)
    names = sorted(set(models or ()))
    row = {"project": project, "models": names, "any": models is None}
    await connection.execute(_SET, row)
    told = {"models": None if models is None else names}
    await audit.note(connection, by, "set_allowed_models", f"project {project}", told)
    return await of(connection, project)


async def check(connection: Connection, project: int, models: Sequence[str]) -> None:
    """Go on only if a run of the project may ask these models. Nothing is asked where there are none.

    Raises:
        ModelsNotAllowed: it may not.
        NotFound: no such project.
    """
    if not models:
        return
    allowed = await of(connection, project)
    if refused := sorted({model for model in models if not allowed.allows(model)}):
        known = ", ".join(allowed.models) or "none"
        raise ModelsNotAllowed(
            f"project {allowed.project!r} may not use {', '.join(map(repr, refused))}; it may use {known}; choose among these, "
            "or ask an administrator of the installation for more"
        )
