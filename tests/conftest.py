"""Fixtures shared by all tests: a real Postgres with a fresh database for each test, and Docker."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from xdist.scheduler import LoadScopeScheduling

from database.embedded import EmbeddedPostgres
from database.engine import Database, connect_arguments
from database.migrate import upgrade
from evolution.evaluation import Tier
from tests.docker_machine import DockerMachine, NoDocker, docker_machine

TEMPLATE = "template_migrated"
WITHOUT_FLUSHES = {"fsync": "off", "full_page_writes": "off"}
"""For speed. A killed server still loses nothing: only a machine that loses its power would."""
_numbers = itertools.count()
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
_TOGETHER = (
    "tests/dashboard/",
    "tests/galapagos/test_command_line.py",
    "tests/remote/test_administration.py",
    "tests/remote/test_service.py",
    "tests/security/test_table.py",
)
_WHOLE_PROCESSES = {"dashboard", "deployment", "processes", "remote", "sandbox", "security", "server"}


@dataclass
class Statements:
    """The SQL that a block of a test sent."""

    texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


SlotFolder = Callable[[Tier], Path | None]
CountStatements = Callable[[], AbstractContextManager[Statements]]


def named_database(postgres: EmbeddedPostgres, name: str) -> str:
    return postgres.url.replace("/postgres?", f"/{name}?")


async def administer(postgres: EmbeddedPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(**connect_arguments(postgres.url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def open_folder() -> Generator[Path]:
    """A temporary folder that the server's user can reach too, which pytest's own (0700) is not for root's tests."""
    folder = Path(tempfile.mkdtemp(prefix="galapagos-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Generator[EmbeddedPostgres]:
    """One server per test process (with xdist one per worker), and in it a migrated template."""
    folder = Path(tempfile.mkdtemp(prefix=f"galapagos-test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder, settings=WITHOUT_FLUSHES) as server:
            asyncio.run(administer(server, f"CREATE DATABASE {TEMPLATE}"))
            asyncio.run(upgrade(named_database(server, TEMPLATE)))
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncGenerator[str]:
    """Address of a fresh, migrated database; another process may use it too."""
    name = f"test_{next(_numbers)}"
    await administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    yield named_database(postgres, name)
    await administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """An open fresh, migrated database."""
    async with Database(database_url, pool_size=10) as opened:
        yield opened


@pytest.fixture
def count_statements(database: Database) -> CountStatements:
    """`with count_statements() as statements:` records what `database` sends within the block."""

    @contextmanager
    def counting() -> Generator[Statements]:
        statements = Statements()

        def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
            statements.texts.append(text)

        engine = database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    return counting


class Shared(LoadScopeScheduling):
    """Gives all tests that need Docker to one process, which then has one daemon, those of the dashboard to one, which then has
    one service and one browser, and those of some files to one, which then makes what they share once; all others go
    wherever there is room.

    The mark `xdist_group` does the same, but not with every version of pytest.
    """

    def _split_scope(self, nodeid: str) -> str:
        if "container" in nodeid:
            return "docker"
        return next((place for place in _TOGETHER if nodeid.startswith(place)), nodeid)


def pytest_configure() -> None:
    """Keep temporary files in memory where there is much of it: on disk a test's database takes five times as long to make."""
    if not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return
    if not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        tempfile.tempdir = os.environ["TMPDIR"] = str(_MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of whole processes a second try: a busy machine may stall one for longer than its patience.

    The summary names whoever needed it; who needs it twice has a fault of its own, to be found.
    """
    for item in items:
        folders = {folder.name for folder in item.path.parents}
        if _WHOLE_PROCESSES & folders:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shared:
    """Share the tests out among processes."""
    return Shared(config, log)


@pytest.fixture(scope="session")
def docker() -> Generator[DockerMachine]:
    """Docker with the boxes' image and a running slots service; skips where a machine cannot have it."""
    with ExitStack() as stack:
        try:
            machine = stack.enter_context(docker_machine())
        except NoDocker as error:
            pytest.skip(f"TIER CONTAINER IS NOT TESTED HERE: {error}")
        yield machine


@pytest.fixture(scope="session")
def slot_folder(request: pytest.FixtureRequest) -> SlotFolder:
    """The folder that a slot of a tier needs; Docker starts for the first that asks for tier container."""

    def folder(tier: Tier) -> Path | None:
        return request.getfixturevalue("docker").slots if tier is Tier.CONTAINER else None

    return folder
