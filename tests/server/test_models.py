"""Which models a project may use: who is told of them, and which runs are refused for naming others."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from database import allowed_models, audit, projects, runs
from database.allowed_models import ModelsNotAllowed
from database.engine import Database
from evolution.run import Budget, ModelChoice, RunConfig
from server.settings import ServerSettings
from tests.database.scene import new_run
from tests.galapagos.filled_run import evil_problem, fill
from tests.server.conftest import CountServed, Team, made_app
from tests.server.test_failures import told
from tests.server.test_runs import known

FILE = """
[[models]]
name = "small"
base_url = "https://secret.example.org/v1"
model = "inner-name"
api_key_env = "SECRET_KEY"
price_in = 1
price_out = 2
most_calls = 9
requests_per_minute = 60

[[models]]
name = "large"
base_url = "https://secret.example.org/v1"
model = "inner-name"

[[models]]
name = "team"
kind = "people"
"""


@pytest.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncGenerator[FastAPI]:
    file = tmp_path / "models.toml"
    file.write_text(FILE)
    made = made_app(ServerSettings(database_url=database_url, models=file))
    async with made.router.lifespan_context(made):
        yield made


async def allow(database: Database, *names: str, project: int = 1) -> None:
    async with database.begin() as connection:
        await allowed_models.set_models(connection, project, names, by=None)


async def names(client: Any, query: str = "") -> list[str]:
    response = await client.get(f"/models{query}")
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["items"]]


async def test_models_are_told_with_prices_and_limits_and_without_where_they_are(
    team: Team, served_statements: CountServed
) -> None:
    with served_statements() as statements:
        response = await team.viewer.get("/models")
    assert len(statements) == 1
    large, small, people = response.json()["items"]
    assert small | {"max_tokens": 8192} == {
        "name": "small", "kind": "endpoint", "price_in": 1, "price_out": 2, "max_tokens": 8192, "concurrency": 16,
        "most_calls": 9, "requests_per_minute": 60, "patience_s": None,
    }  # fmt: skip
    assert (large["name"], large["price_in"], large["most_calls"]) == ("large", None, None)
    assert (people["name"], people["kind"], people["patience_s"], people["max_tokens"]) == ("team", "people", 86400.0, None)
    for hidden in ("secret", "SECRET", "inner-name"):
        assert hidden not in response.text


async def test_everybody_is_told_of_what_their_projects_may_use(team: Team, database: Database) -> None:
    async with database.begin() as connection:
        other = await projects.create(connection, "other", by=None)
    await allow(database, "team", "large")
    await allow(database, "gone", project=other.id)
    assert await names(team.viewer) == await names(team.worker) == ["large", "team"]
    assert await names(team.viewer, "?project=1") == ["large", "team"]
    assert await names(team.root, "?project=1") == ["large", "team"]
    assert await names(team.root, f"?project={other.id}") == []
    assert await names(team.root) == ["large", "small", "team"]
    assert await names(team.stranger) == []
    told(await team.viewer.get(f"/models?project={other.id}"), 403)
    told(await team.root.get("/models?project=99"), 404)
    page = (await team.root.get("/models?limit=2")).json()
    assert [item["name"] for item in page["items"]] == ["large", "small"]
    assert await names(team.root, f"?limit=2&cursor={page['next']}") == ["team"]


async def test_a_run_may_name_what_its_project_may_use_alone(team: Team, database: Database) -> None:
    await known(database)
    await allow(database, "small")
    large, small = ({"models": [{"name": name}]} for name in ("large", "small"))
    refused = told(await team.member.post("/runs", json={"problem": "toy", "config": large}), 422)
    assert refused["errors"][0]["field"] == "body.config.models"
    assert "project 'default' may not use 'large'; it may use small" in refused["detail"]
    assert (await team.member.get("/runs")).json()["items"] == []
    started = await team.member.post("/runs", json={"problem": "toy", "config": small})
    assert started.status_code == 201, started.text
    run = started.json()["id"]
    assert (await team.member.put(f"/runs/{run}/models", json=small)).status_code == 202
    for response in (
        await team.member.put(f"/runs/{run}/models", json=large),
        await team.member.post(f"/runs/{run}/commands", json={"kind": "set_models"} | large),
    ):
        assert told(response, 422)["errors"][0]["field"] == "body.models"
    forked = told(await team.member.post(f"/runs/{run}/fork", json={"program": 0, "config": large}), 422)
    assert forked["errors"][0]["field"] == "body.config.models"
    await allow(database)
    same = told(await team.member.post(f"/runs/{run}/fork", json={"program": 0}), 409)
    assert same["errors"][0]["field"] == "run.config.models"
    assert "it may use none" in same["detail"]
    assert (await team.member.post("/runs", json={"problem": "toy"})).status_code == 201
    async with database.begin() as connection:
        entries = await audit.read(connection, limit=100)
    assert {"models": ["small"]} in [entry.detail for entry in entries if entry.action == "set_allowed_models"]


async def test_an_ended_run_whose_models_are_forbidden_stays_ended(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 10)
    async with database.begin() as connection:
        await runs.save_config(connection, run, RunConfig(models=(ModelChoice(name="small"),), budget=Budget(evaluations=10)))
    await allow(database, "large")
    body = {"budget": {"evaluations": 20}}
    refused = told(await team.member.post(f"/runs/{run}/reopen", json=body), 409)
    assert refused["errors"][0]["field"] == "run.config.models"
    assert (await team.member.get(f"/runs/{run}")).json()["state"] == "finished"
    await allow(database, "small")
    assert (await team.member.post(f"/runs/{run}/reopen", json=body)).status_code == 200


async def test_a_budget_of_money_needs_prices(team: Team, database: Database) -> None:
    await known(database)
    sent = {"problem": "toy", "config": {"models": [{"name": "large"}]}}
    run = (await team.member.post("/runs", json=sent)).json()["id"]
    refused = told(await team.member.put(f"/runs/{run}/budget", json={"budget": {"micro_dollars": 5}}), 422)
    assert refused["errors"][0]["field"] == "body.budget"


async def test_the_command_line_is_held_to_it_too(database: Database) -> None:
    await allow(database, "small")
    with pytest.raises(ModelsNotAllowed, match="may not use 'm'"):
        await new_run(database, config=RunConfig(models=(ModelChoice(name="m"),)))
    async with database.begin() as connection:
        assert await runs.unfinished(connection) == []
