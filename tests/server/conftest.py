"""The service within the test's own process, on a fresh database."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from database import people, projects
from database.runs import DEFAULT_PROJECT
from evolution.people import Role
from server import recent
from server.app import create_app, new_service
from server.settings import ServerSettings
from tests.conftest import Statements


@pytest.fixture(autouse=True)
def _nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request asks who stands behind its token, as the first one does."""
    monkeypatch.setattr(recent, "FRESH_S", 0.0)


_description: dict[str, Any] = {}


def made_app(settings: ServerSettings) -> FastAPI:
    """An application. Its description, the same for each, is made for the first one alone: that takes half a second."""
    made = create_app(settings)
    _description.update(_description or made.openapi())
    made.openapi_schema = _description
    return made


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """An application without a service: its routes, which take long to make, are the same for each test."""
    return made_app(ServerSettings(database_url="postgresql://nobody@nowhere/none"))


@pytest.fixture
async def app(database_url: str, routes: FastAPI) -> AsyncGenerator[FastAPI]:
    """The running application, with a service of its own."""
    routes.state.service = new_service(ServerSettings(database_url=database_url))
    async with routes.router.lifespan_context(routes):
        yield routes


@pytest.fixture
async def http(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


@dataclass(frozen=True, slots=True)
class Team:
    """A client for each role in project 1, one for a stranger to it and one for the installation's administrator."""

    root: httpx.AsyncClient
    admin: httpx.AsyncClient
    member: httpx.AsyncClient
    viewer: httpx.AsyncClient
    worker: httpx.AsyncClient
    stranger: httpx.AsyncClient


@pytest.fixture
async def team(app: FastAPI) -> AsyncGenerator[Team]:
    """Clients with tokens, by role."""
    clients: dict[str, httpx.AsyncClient] = {}
    async with AsyncExitStack() as stack:
        for name in Team.__slots__:
            token = await token_of(app, name, Role(name) if name in list(Role) else None)
            clients[name] = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                    base_url="http://service/api/v1",
                    headers={"Authorization": f"Bearer {token}"},
                )
            )
        yield Team(**clients)


async def token_of(app: FastAPI, name: str, role: Role | None) -> str:
    """A new token of a new person, who has `role` in project 1; `root` administers the installation."""
    async with app.state.service.database.begin() as connection:
        person = await people.create_person(connection, name, by=None, is_admin=name == "root")
        if role is not None:
            await projects.set_member(connection, DEFAULT_PROJECT, person.id, role, by=None)
        return (await people.create_token(connection, person.id, "test", by=None)).text


CountServed = Callable[[], AbstractContextManager[Statements]]


@pytest.fixture
def served_statements(app: FastAPI) -> CountServed:
    """`with served_statements() as statements:` records what the service sends to its database within the block."""

    @contextmanager
    def counting() -> Generator[Statements]:
        statements = Statements()

        def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
            # Callers are remembered for a second, the pulse beats, alerts are looked for: when depends on the machine.
            if not any(mark in text for mark in ("last_used_at", "UPDATE process", "INTO process", "webhook")):
                statements.texts.append(text)

        engine = app.state.service.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    return counting
