"""People and projects by the names that persons type: what commands do with one of them."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from galapagos.failures import ExitCode, Failure
from galapagos.remote.answers import with_client

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.people import Person, Project

Given = TypeVar("Given")
Act = Callable[["AsyncClient", int], Awaitable[Given]]
"""What is done with the number of somebody or something."""


async def person_named(client: "AsyncClient", name: str) -> "Person":
    """The person of that name.

    Raises:
        Failure: there is none.
    """
    async for found in client.people():
        if found.name == name:
            return found
    raise Failure(f"the service knows no person {name!r}; `galapagos remote people list` names them", ExitCode.BAD_INPUT)


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


def with_person(who: str, act: Act[Given]) -> Given:
    """What `act` gives for a person's number.

    Raises:
        Failure: there is no such person, or the service refuses.
    """

    async def work(client: "AsyncClient") -> Given:
        return await act(client, (await person_named(client, who)).id)

    return with_client(work)


def with_project(project: str, act: Act[Given]) -> Given:
    """What `act` gives for a project's number.

    Raises:
        Failure: there is no such project, or the service refuses.
    """

    async def work(client: "AsyncClient") -> Given:
        return await act(client, (await project_named(client, project)).id)

    return with_client(work)


async def every(found: AsyncIterable[Given]) -> list[Given]:
    """All of a list that comes in pages."""
    return [one async for one in found]
