"""Whatever the description allows, and much that it does not, is answered in its own terms and never by a failure."""

import asyncio
from collections.abc import Generator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from database import people, problems, runs
from database.embedded import EmbeddedPostgres
from database.engine import Database
from tests.conftest import TEMPLATE, administer, named_database
from tests.database.scene import new_run, toy_problem
from tests.server.test_event_feed import best, log
from tests.server.test_process import serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = r".*/stream$"
EXAMPLES = 12
LAST = frozenset({"PATCH /api/v1/people/{person}", "DELETE /api/v1/tokens/{token}"})
"""They may take the caller's own access away."""


async def _filled(url: str) -> str:
    """A run with some events in project 1, and the token of an administrator."""
    async with Database(url) as database:
        run = await new_run(database)
        await log(database, run, *map(best, range(1, 30)))
        async with database.begin() as connection:
            await problems.add(connection, runs.DEFAULT_PROJECT, toy_problem().revision)
            return (await people.first_administrator(connection, "ada")).text


@pytest.fixture(scope="module")
def described(postgres: EmbeddedPostgres) -> Generator[schemathesis.schemas.BaseSchema]:
    name = "described"
    asyncio.run(administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    url = named_database(postgres, name)
    token = asyncio.run(_filled(url))
    try:
        with serving(url) as (_, address):
            schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json").exclude(path_regex=ENDLESS)
            schema.config.update(headers={"Authorization": f"Bearer {token}"})
            yield schema
    finally:
        asyncio.run(administer(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


def test_every_operation(described: schemathesis.schemas.BaseSchema) -> None:
    labels: list[str] = []
    operations = [result.ok() for result in described.get_all_operations()]
    for operation in sorted(operations, key=lambda found: found.label in LAST):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answers_in_its_own_terms(case: schemathesis.Case) -> None:
            if isinstance(case.body, dict) and isinstance(wait_s := case.body.get("wait_s"), float | int):
                # There is no work: that waiting ends is seen elsewhere.
                case.body["wait_s"] = min(wait_s, 0.1)
            case.call_and_validate(checks=CHECKS)

        answers_in_its_own_terms()
        labels.append(operation.label)
    assert len(labels) == len(set(labels)) > 15
