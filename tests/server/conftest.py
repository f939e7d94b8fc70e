"""The service within the test's own process, on a fresh database."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from server.app import create_app
from server.settings import ServerSettings
from tests.conftest import Statements


@pytest.fixture
async def app(database_url: str) -> AsyncGenerator[FastAPI]:
    """The running application."""
    made = create_app(ServerSettings(database_url=database_url))
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def http(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


CountServed = Callable[[], AbstractContextManager[Statements]]


@pytest.fixture
def served_statements(app: FastAPI) -> CountServed:
    """`with served_statements() as statements:` records what the service sends to its database within the block."""

    @contextmanager
    def counting() -> Generator[Statements]:
        statements = Statements()

        def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
            statements.texts.append(text)

        engine = app.state.service.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    return counting
